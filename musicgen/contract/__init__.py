"""What an approach is, as types only: everything that reads or runs approaches builds on this package."""
