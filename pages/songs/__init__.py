"""What the Songs page alone needs: bringing songs in, the list, and one song."""
