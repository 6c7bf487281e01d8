"""Packed charts, honest and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile

CHART = b"apiVersion: v2\nname: podinfo\nversion: 6.5.4\n"


def member(
    name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644
) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of a tar with its content."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname, info.mode = len(data), kind, target, mode
    return info, data


def packed(*members: tuple[tarfile.TarInfo, bytes], chart: bytes = CHART, name: str = "podinfo") -> bytes:
    """A packed chart with further entries."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, data in (member(f"{name}/Chart.yaml", chart), *members):
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)
