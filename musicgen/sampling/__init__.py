"""Decoding rules and compiled loops that sample sequences from a network. Knows no music: only ids and numbers."""
