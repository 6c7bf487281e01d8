"""The dashboard with ten thousand Applications and 200 viewers.

First page, stream and memory. No control plane: the source is filled as its watches would fill it, and viewers read over real
sockets.
"""

from __future__ import annotations

import http.client
import resource
import socket
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

from tests.server.applications import application
from tests.server.served import Served, served

_APPLICATIONS = 10_000
_VIEWERS = 200
_CHANGES = 20
_PAGE = "/api/v1/applications?limit=100"


def main() -> None:
    """Prints the figures."""
    objects = [application(f"app-{number:05}") for number in range(_APPLICATIONS)]
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), *objects) as page:
        before = resident_mib()
        (first, built), (second, listed) = _timed(page), _timed(page)
        rows = resident_mib()
        print(f"first page of 100 of {_APPLICATIONS}: {first:.0f} ms ({built:.0f} ms CPU) for the first viewer")
        print(f"first page after it: {second:.0f} ms ({listed:.0f} ms CPU)")
        delays = _stream(page)
        middle, late = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
        print(f"change to event, {_VIEWERS} viewers: median {middle:.0f} ms, p99 {late:.0f} ms")
        print(f"memory: {rows - before:.1f} MiB more for rows, {resident_mib() - before:.1f} MiB more after {_VIEWERS} viewers")


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def _timed(page: Served) -> tuple[float, float]:
    """Milliseconds on the clock and of CPU."""
    begun, used = time.perf_counter(), time.process_time()
    if page.ask("GET", _PAGE).status != HTTPStatus.OK:
        raise http.client.HTTPException("no list")
    return (time.perf_counter() - begun) * 1000, (time.process_time() - used) * 1000


def _stream(page: Served) -> list[float]:
    """Milliseconds from each change to its event, over all viewers, sorted."""
    sockets = []
    for number in range(_VIEWERS):
        name = f"viewer-{number}"
        page.viewers.rights[name] = page.viewers.rights["admin"]
        opened = socket.create_connection(("127.0.0.1", page.port))
        opened.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nCookie: viewer={name}\r\n\r\n".encode())
        _until(opened, b"hello")
        sockets.append(opened)
    delays = []
    for change in range(_CHANGES):
        mark = f"change-{change:03}"
        begun = time.perf_counter()
        page.put(application("app-00007", message=mark))
        for opened in sockets:
            _until(opened, mark.encode())
            delays.append((time.perf_counter() - begun) * 1000)
    for opened in sockets:
        opened.close()
    return sorted(delays)


def _until(opened: socket.socket, mark: bytes) -> None:
    received = b""
    while mark not in received:
        chunk = opened.recv(65536)
        if not chunk:
            raise http.client.HTTPException("the stream ended")
        received += chunk


if __name__ == "__main__":
    main()
