"""Floors: losses that need no network, in the unit of `val_loss`. Below all of them, a network has learned more."""
