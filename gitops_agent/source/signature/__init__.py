"""Signatures of commits and tags: whose they are, and which commits count."""
