"""Parts of the Approaches page: the description of one approach, and how long its presets take."""
