"""Headers of a Git server's last answer, as git traced them.

Git prints the status of a refusal and not its headers. It can trace them into a file, without bodies and with credentials
redacted; the file is in the private directory of the call, and only the pause and the kind of content are read from it.
"""

from __future__ import annotations

import re
from pathlib import Path

_READ_BYTES = 64 * 1024
_LINE = re.compile(r"<= Recv header(?:, \d+ bytes.*)?: ?(.*)")


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
