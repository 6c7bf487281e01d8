"""Measurements, as ratios to a floor measured in the same run.

On the same machine; no timed tests.
"""
