from __future__ import annotations

from pathlib import Path

from gitops_agent.source.http_headers import traced

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
