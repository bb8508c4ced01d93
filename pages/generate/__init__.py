"""What the Generate page alone needs."""
