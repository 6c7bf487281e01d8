"""Outbound HTTP and mail for notifiers and metrics, with an egress policy."""
