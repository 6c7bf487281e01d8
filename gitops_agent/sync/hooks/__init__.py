"""Hooks as declared: objects that run at a moment of a sync."""
