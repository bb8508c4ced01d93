"""Scores as pages of sheet music: drawn by verovio, made safe, timed and printed. Children only."""
