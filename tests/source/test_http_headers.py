from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_agent.source.http_headers import retry_after, traced

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TRACE = """\
10:00:00.000001 http.c:723              => Send header: GET /config.git/info/refs HTTP/1.1
10:00:00.000002 http.c:723              <= Recv header: HTTP/1.1 401 Unauthorized
10:00:00.000003 http.c:723              <= Recv header: Retry-After: 1
10:00:00.000004 http.c:723              <= Recv header:
10:00:00.000005 http.c:723              <= Recv header, 0000000020 bytes (0x00000014): HTTP/2 429
10:00:00.000006 http.c:723              <= Recv header: retry-after: 60
"""


def test_the_headers_are_those_of_the_last_answer(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text(TRACE)

    assert traced(tmp_path / "headers") == {"retry-after": "60"}
    assert traced(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("60", 60.0),
        ("0", 0.0),
        ("Mon, 04 May 2026 12:02:00 GMT", 120.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        ("86400", 3600.0),
        ("soon", None),
        ("", None),
    ],
)
def test_a_pause_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds
