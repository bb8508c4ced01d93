"""What the Train page alone needs: the plan, the tracks, and what is inside."""
