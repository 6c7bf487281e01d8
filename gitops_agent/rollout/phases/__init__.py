"""The phases of a rollout: each a function from a situation to the next state, or None while it stays."""
