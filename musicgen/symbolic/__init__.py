"""Written music: scores, MIDI files, keys, notation, and rendering a score to sound."""
