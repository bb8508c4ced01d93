"""Written music: scores, MIDI files, keys, notation, and the way from a score to sound."""
