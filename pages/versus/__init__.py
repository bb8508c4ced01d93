"""What the page that compares runs needs."""
