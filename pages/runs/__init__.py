"""What the Runs page alone needs."""
