"""What the Compare page alone needs: the pair, the stretch, and what differs."""
