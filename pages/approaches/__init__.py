"""What the Approaches page alone needs: the description of one approach, and how long its presets take."""
