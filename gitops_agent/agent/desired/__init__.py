"""Desired state: sources polled, commits rendered, objects claimed."""
