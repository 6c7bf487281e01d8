"""Headers of a Git server's last answer, as git traced them.

Git prints the status of a refusal and not its headers. It can trace them into a file, without bodies and with credentials
redacted; the file is in the private directory of the call, and only the pause and the kind of content are read from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

_READ_BYTES = 64 * 1024
_LINE = re.compile(r"<= Recv header(?:, \d+ bytes.*)?: ?(.*)")
LONGEST_PAUSE_SECONDS = 3600.0
"""A server may ask for more; a repository is tried again after an hour."""


def traced(path: Path) -> dict[str, str]:
    """The last answer's headers by lower-case name; empty without trace."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _READ_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return {}
    headers: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.search(line)
        if match is None:
            continue
        if match[1].startswith("HTTP/"):
            headers = {}
        name, colon, value = match[1].partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The pause that the server asks for, in seconds, None without one.

    Args:
        headers: as `traced` returns them.
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
