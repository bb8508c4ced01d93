"""Two things of the library or of runs, compared: found by id or file, measured in a process of their own, and kept."""
