"""Traces of revisions on their way into the cluster."""
