"""Viewers for whom the agent reads and writes."""
