"""Helm charts from repositories: indexes, versions, archives and their files."""
