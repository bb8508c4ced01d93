"""Parts of the Compare page: choosing the pair and the excerpt, and showing what differs."""
