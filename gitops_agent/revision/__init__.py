"""Values made of Git: a revision, the tree of one commit, and what of it was read."""
