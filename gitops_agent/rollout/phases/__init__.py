"""Phases of a rollout: each maps a context to the next state."""
