"""Renders files of a commit into objects, with the closure it read."""
