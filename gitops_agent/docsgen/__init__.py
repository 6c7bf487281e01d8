"""Reference pages, generated from code."""
