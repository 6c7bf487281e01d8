"""What becomes of every field of every kind of another tool, as data."""
