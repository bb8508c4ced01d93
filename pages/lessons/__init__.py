"""Parts of the Lessons page: the cards, the question, the work, and what came out."""
