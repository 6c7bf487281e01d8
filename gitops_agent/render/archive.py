"""Reads packed charts (`charts/*.tgz`) within limits, safe against archive bombs."""

from __future__ import annotations

import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from gitops_agent.errors import RenderError

_MEBIBYTE = 1024 * 1024
_UNPACKED = 64 * _MEBIBYTE
_MEMBERS = 10_000
_TEXT = 2 * _MEBIBYTE
_GZIPPED = 100
"""Gzip members. Each one costs a copy of what follows it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A text file of a packed chart, below the chart's directory."""

    path: str
    data: bytes


def members(data: bytes, *, file: str) -> Iterator[Member]:
    """The templates and `Chart.yaml` files of a packed chart.

    Raises:
        RenderError: no gzipped tar, larger than 64 MiB unpacked, or more than 10,000 members.
    """
    count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(data, file=file)), mode="r:") as archive:
            for info in archive:
                count += 1
                if count > _MEMBERS:
                    raise RenderError(f"{file} holds more than {_MEMBERS} files", reason="RenderTooLarge", file=file)
                if info.isfile() and info.size <= _TEXT and _interesting(info.name):
                    content = archive.extractfile(info)
                    if content is not None:
                        yield Member(info.name, content.read())
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise RenderError(f"{file} is not a packed chart: {error}", reason="RenderFailed", file=file) from None


def _interesting(name: str) -> bool:
    return "/templates/" in f"/{name}" or posixpath.basename(name) in ("Chart.yaml", "values.schema.json")


def _unpacked(data: bytes, *, file: str) -> bytes:
    """The tar inside its gzip members.

    What a header claims about sizes is not believed.
    """
    result = bytearray()
    rest = data
    count = 0
    try:
        while rest:
            count += 1
            if count > _GZIPPED:
                raise RenderError(f"{file} holds more than {_GZIPPED} gzip members", reason="RenderTooLarge", file=file)
            unzip = zlib.decompressobj(wbits=31)
            result += unzip.decompress(rest, _UNPACKED + 1 - len(result))
            if len(result) > _UNPACKED:
                problem = f"{file} unpacks to more than {_UNPACKED // _MEBIBYTE} MiB"
                raise RenderError(problem, reason="RenderTooLarge", file=file)
            if not unzip.eof:
                raise RenderError(f"{file} is cut off", reason="RenderFailed", file=file)
            rest = unzip.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise RenderError(f"{file} is not gzipped: {error}", reason="RenderFailed", file=file) from None
    return bytes(result)
