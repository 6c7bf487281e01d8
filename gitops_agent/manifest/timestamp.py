"""Moments as the API server writes them.

Problem: statuses, answers and messages compare moments as texts. Decision: one form for all, that of `metav1.Time`: RFC 3339 in
UTC with whole seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """A moment with a time zone as `2026-11-30T08:45:47Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
