"""Tells people: from events to messages, durably kept and delivered by one thread a receiver."""
