"""Previews: what a sync would do, planned by the caller."""
