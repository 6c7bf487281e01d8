"""Hooks as they run: which one next, and what became of it."""
