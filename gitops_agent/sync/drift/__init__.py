"""Drift: its field report, and controllers that fight over a field."""
