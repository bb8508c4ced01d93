"""What an approach is, in types alone: what reads or runs approaches stands on this, and this on none of them."""
