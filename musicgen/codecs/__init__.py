"""Encodes clips as arrays or token ids and decodes them. State is JSON. NumPy only; knows no networks."""
