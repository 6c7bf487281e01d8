"""Unpacks a chart's archive in memory, without believing anything it says.

Sizes are counted while reading, not taken from headers. All files lie below the one directory that is named like the chart;
links, devices, absolute names, `..`, and two files of one name are refused, not repaired.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from gitops_agent.errors import SourceError
from gitops_agent.source.paths import shown

_MEBIBYTE = 1024 * 1024
_UNPACKED = 100 * _MEBIBYTE
_FILE = 5 * _MEBIBYTE
_FILES = 10_000
_RATIO = 100
_STREAMS = 100
_CHUNK = 1 * _MEBIBYTE
_SMALL = 1 * _MEBIBYTE
"""Unpacked bytes of which no ratio is asked: a few lines may repeat themselves."""
_LONGEST_PATH = 1000
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,127}\Z")
"""What a chart may be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFile:
    """A file of a chart.

    Attributes:
        path: below the chart's directory.
        data: its content.
        executable: whether it may be run.
    """

    path: str
    data: bytes
    executable: bool = False


def unpack(archive: bytes, name: str) -> dict[str, ChartFile]:
    """The files of a packed chart, by path.

    Args:
        archive: a gzipped tar.
        name: what the chart has to be called.

    Raises:
        SourceError: it is none, too large, or holds what a chart may not (`ChartInvalid`).
    """
    if NAME.match(name) is None:
        raise _invalid(name, "its name is not made of lower-case letters, digits, dots and dashes")
    files: dict[str, ChartFile] = {}
    folders: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(_unzipped(archive, name)), mode="r:") as tar:
            for number, member in enumerate(tar):
                if number >= 2 * _FILES:
                    raise _invalid(name, f"it has more than {_FILES} files")
                path = _path(member, name)
                if path is None:
                    continue
                content = tar.extractfile(member)
                if path in files or content is None:
                    raise _invalid(name, f"it has {shown(path)} twice")
                if len(files) >= _FILES:
                    raise _invalid(name, f"it has more than {_FILES} files")
                files[path] = ChartFile(path=path, data=content.read(), executable=bool(member.mode & 0o100))
                folders.update(_parents(path))
    except (tarfile.TarError, EOFError, ValueError, OverflowError, UnicodeError) as error:
        raise _invalid(name, f"it is not a tar: {shown(str(error))}") from None
    if clash := next((path for path in files if path in folders), None):
        raise _invalid(name, f"{shown(clash)} is a file and a directory")
    if "Chart.yaml" not in files:
        raise _invalid(name, "it has no Chart.yaml")
    return files


def _path(member: tarfile.TarInfo, name: str) -> str | None:
    """Where a file lies below the chart's directory; None for directories."""
    written = member.name
    parts = written.rstrip("/").split("/")
    if member.isdir():
        return None
    if not member.isreg():
        raise _invalid(name, f"{shown(written)} is a link or a device")
    if "\0" in written or "\\" in written or len(written) > _LONGEST_PATH or not written.isprintable():
        raise _invalid(name, f"the name {shown(written)} is not allowed")
    if any(part in ("", ".", "..") for part in parts):
        raise _invalid(name, f"the name {shown(written)} leads elsewhere")
    if parts[0] != name or len(parts) == 1:
        raise _invalid(name, f"{shown(written)} does not lie in {name}/")
    if member.size > _FILE:
        raise _invalid(name, f"{shown(written)} has more than {_FILE // _MEBIBYTE} MiB")
    return "/".join(parts[1:])


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _unzipped(archive: bytes, name: str) -> bytes:
    """The tar inside its gzip members, within limits."""
    result = bytearray()
    rest = archive
    for _ in range(_STREAMS):
        unzip = zlib.decompressobj(wbits=31)
        try:
            while not unzip.eof:
                part = unzip.decompress(rest, _CHUNK)
                result += part
                if len(result) > _UNPACKED or len(result) > max(_SMALL, _RATIO * len(archive)):
                    raise _invalid(name, f"it unpacks to more than {_UNPACKED // _MEBIBYTE} MiB or {_RATIO} times its size")
                rest = unzip.unconsumed_tail
                if not part and not rest and not unzip.eof:
                    raise _invalid(name, "it is cut off")
        except zlib.error as error:
            raise _invalid(name, f"it is not gzipped: {error}") from None
        rest = unzip.unused_data.lstrip(b"\0")
        if not rest:
            return bytes(result)
    raise _invalid(name, f"it has more than {_STREAMS} gzip members")


def _invalid(name: str, what: str) -> SourceError:
    return SourceError(f"the archive of {shown(name)} is refused: {what}", reason="ChartInvalid", chart=shown(name))
