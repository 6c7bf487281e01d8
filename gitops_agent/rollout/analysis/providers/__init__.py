"""Metric providers: build requests and read answers; no connection is opened."""
