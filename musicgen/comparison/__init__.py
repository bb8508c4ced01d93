"""Compares two songs or outputs: finds them by id or file, measures them in a separate process, and keeps the result."""
