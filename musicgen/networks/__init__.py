"""Keras networks and their training. The only package that imports keras at module level; knows no music."""
