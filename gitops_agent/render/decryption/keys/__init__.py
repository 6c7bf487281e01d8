"""Kinds of data keys, each a file and a table row."""
