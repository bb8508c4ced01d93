"""What the page of searches needs."""
