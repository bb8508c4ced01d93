"""The record (database) and the files beside it. Knows no music."""
