"""Providers of metrics: a request built, an answer read; nothing here opens a connection."""
