"""Typed events: every stage emits them, everything people see subscribes to them."""
