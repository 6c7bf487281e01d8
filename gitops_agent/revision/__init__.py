"""Revisions of Git: a commit, its tree, and a render's closure."""
