"""Tables of what becomes of every field, as data."""
