"""Measurements, always as ratios to a floor measured in the same run on the same machine; no timed tests."""
