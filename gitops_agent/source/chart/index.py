"""One chart's versions, cut out of a repository's index.

Parsing a whole index of 13 MB takes 19 seconds and half a gigabyte, and one chart of it is a few hundred lines. `helm repo
index` and every server known write block YAML with chart names at an indent of two, so the lines of the chart are found as
text and only they are parsed. Other layouts are parsed whole, up to a size. The text is hostile: what is not a version in it
is left out, and the rest is checked where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from mmap import mmap
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.manifest.yaml import read
from gitops_agent.source.chart.repository import ChartVersion
from gitops_agent.source.semver import Version

LARGEST_INDEX = 64 * 1024 * 1024
"""Bytes of an index, decompressed."""

_MEBIBYTE = 1024 * 1024
_WHOLE = 8 * _MEBIBYTE
_SLICE = 16 * _MEBIBYTE
_VERSIONS = 5000
_URLS = 4
_LONGEST_URL = 2048
_LONGEST_VERSION = 128
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z", re.IGNORECASE)
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z")
_ENTRIES = re.compile(rb"^entries:[ \t]*\r?\n(?=  [^ \t\r\n#-])", re.MULTILINE)
_NEXT_NAME = re.compile(rb"^(?: {0,2})(?![ \t\r\n#-])", re.MULTILINE)
_FILE = "index.yaml"


def listed(data: bytes | mmap, name: str) -> tuple[ChartVersion, ...]:
    """A chart's versions in an index; none without such a chart.

    Raises:
        SourceError: it is no index (`SourceFailed`), or too large to be parsed (`IndexTooLarge`).
    """
    if _NAME.match(name) is None:
        return ()
    entries = data[:1] != b"{" and _ENTRIES.search(data)
    if entries:
        slice_ = _slice(data, name, entries.end())
        rows = _parsed(b"entries:\n" + slice_, _SLICE) if slice_ else {}
    elif len(data) > _WHOLE:
        text = f"the index has {len(data)} bytes in a layout that is read up to {_WHOLE // _MEBIBYTE} MiB only"
        raise SourceError(text, reason="IndexTooLarge")
    else:
        rows = _parsed(data[:], _WHOLE)
    versions = rows.get(name)
    if versions is None:
        return ()
    if not isinstance(versions, list):
        raise _broken(f"what it lists of {name} is no list")
    if len(versions) > _VERSIONS:
        raise SourceError(f"the index lists more than {_VERSIONS} versions of {name}", reason="IndexTooLarge")
    return tuple(_versions(versions))


def _slice(data: bytes | mmap, name: str, start: int) -> bytes:
    """The lines of one chart; empty when there are none."""
    key = rb"^  (?:%(name)s|\"%(name)s\"|'%(name)s'):[ \t]*\r?$" % {b"name": re.escape(name.encode())}
    places = list(re.compile(key, re.MULTILINE).finditer(data, start))
    if not places:
        return b""
    if len(places) > 1:
        raise _broken(f"it lists {name} twice")
    following = _NEXT_NAME.search(data, places[0].end())
    end = following.start() if following else len(data)
    if end - places[0].start() > _SLICE:
        raise SourceError(f"the index has more than {_SLICE // _MEBIBYTE} MiB about {name}", reason="IndexTooLarge")
    return data[places[0].start() : end]


def _parsed(data: bytes, longest: int) -> dict[str, Any]:
    limits = YamlLimits(bytes=longest, documents=1, nodes=1_000_000)
    try:
        documents = (read_json if data[:1] == b"{" else read)(data, file=_FILE, limits=limits).documents
    except RenderError as error:
        raise _broken(error.message.removeprefix(f"{_FILE}: ")) from None
    index = documents[0].value if documents else None
    entries = index.get("entries") if isinstance(index, dict) else None
    if not isinstance(entries, dict):
        raise _broken("it has no entries: is this the address of a chart repository?")
    return entries


def _versions(rows: list[Any]) -> Iterator[ChartVersion]:
    for row in rows:
        version = row.get("version") if isinstance(row, dict) else None
        if not isinstance(version, str) or len(version) > _LONGEST_VERSION or Version.parse(version) is None:
            continue
        digest, urls = row.get("digest"), row.get("urls")
        match = _DIGEST.match(digest) if isinstance(digest, str) else None
        yield ChartVersion(
            version=version,
            digest=f"sha256:{match[1]}" if match else "",
            deprecated=row.get("deprecated") is True,
            created=_moment(row.get("created")),
            urls=tuple(url for url in urls[:_URLS] if isinstance(url, str) and len(url) <= _LONGEST_URL)
            if isinstance(urls, list)
            else (),
        )


def _moment(value: Any) -> datetime | None:
    """A moment as Go prints it, whose nanoseconds Python cuts."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value[:64])
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def _broken(what: str) -> SourceError:
    return SourceError(f"the index cannot be read: {what}", reason="SourceFailed", transient=True, failure="index")
