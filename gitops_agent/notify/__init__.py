"""Sends notifications: durably queued, delivered by one thread per receiver."""
