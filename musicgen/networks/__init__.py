"""Keras networks and how they are trained. The only package that imports keras at module level; knows no music."""
