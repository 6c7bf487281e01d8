"""The pause that a server asks for in `Retry-After`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE_SECONDS = 3600.0
"""A server may ask for more; it is tried again after an hour."""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The pause that the server asks for, in seconds, None without one.

    Args:
        headers: with lower-case names.
        now: aware; a date counts from it.
    """
    value = headers.get("retry-after", "")
    if value.isdecimal():
        seconds = float(value)
    else:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(0.0, seconds), LONGEST_PAUSE_SECONDS)
