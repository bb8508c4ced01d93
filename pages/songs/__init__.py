"""Parts of the Songs page: adding songs, the list, and one song."""
