"""Compares two songs or outputs: found by id or file, measured in a separate process, with the result kept."""
