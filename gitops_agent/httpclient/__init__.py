"""Outbound HTTP for notifiers and metrics, with an egress policy."""
