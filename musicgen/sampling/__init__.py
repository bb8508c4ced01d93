"""Decoding rules and compiled loops that make sequences from a network. Knows no music: only ids and numbers."""
