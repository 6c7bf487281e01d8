"""Incoming webhooks: a forge says that a repository changed."""
