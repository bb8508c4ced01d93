"""Parts of the page “Which one is real?”: setting a blind test up, its rounds, and what came out."""
