"""Clips to arrays or token ids and back, with JSON state. NumPy only; knows no networks."""
