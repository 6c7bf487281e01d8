"""Versions cut out of an index."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.manifest.yaml import dump
from gitops_agent.source.chart.index import listed
from gitops_agent.source.chart.repository import ChartVersion

DIGEST = "6c3c" * 16


def row(version: str, **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": "podinfo",
        "version": version,
        "digest": DIGEST,
        "urls": [f"podinfo-{version}.tgz"],
        **fields,
    }


def index(**entries: Any) -> bytes:
    """As `helm repo index` writes it, whose lists are not indented."""
    return dump({"apiVersion": "v1", "entries": entries, "generated": "2026-11-29T18:00:00Z"}).encode()


def test_the_versions_of_one_chart_are_read() -> None:
    data = index(
        nginx=[row("1.0.0")],
        podinfo=[
            row("6.5.4", created="2026-11-03T10:11:12.123456789Z"),
            row("6.5.3", deprecated=True, digest=f"sha256:{DIGEST}"),
        ],
        redis=[row("2.0.0")],
    )

    assert listed(data, "podinfo") == (
        ChartVersion(
            version="6.5.4",
            digest=f"sha256:{DIGEST}",
            created=datetime(2026, 11, 3, 10, 11, 12, tzinfo=UTC),
            urls=("podinfo-6.5.4.tgz",),
        ),
        ChartVersion(version="6.5.3", digest=f"sha256:{DIGEST}", deprecated=True, urls=("podinfo-6.5.3.tgz",)),
    )
    assert listed(data, "nginx")[0].version == "1.0.0"
    assert listed(data, "redis")[0].version == "2.0.0"
    assert listed(data, "pod") == ()


LAYOUTS = {
    "JSON": json.dumps({"entries": {"podinfo": [row("1.0.0")]}}).encode(),
    "indented lists": b"entries:\n  podinfo:\n    - version: 1.0.0\n      urls: [a]\n  zoo:\n    - version: 2.0.0\n",
    "quoted names": b'entries:\n  "podinfo":\n  - version: 1.0.0\n',
    "flow style": b"entries: {podinfo: [{version: 1.0.0}]}\n",
    "deeper names": b"entries:\n    podinfo:\n    - version: 1.0.0\n",
    "Windows line ends": b"apiVersion: v1\r\nentries:\r\n  podinfo:\r\n  - version: 1.0.0\r\n  zoo:\r\n  - version: 2.0.0\r\n",
    "no last line end": b"entries:\n  podinfo:\n  - version: 1.0.0",
    "block texts with blank lines": b"entries:\n  podinfo:\n  - description: |\n"
    b"      a\n\n      zoo:\n    version: 1.0.0\n  zoo: []\n",
    "comments between": b"entries:\n  podinfo:\n# a comment\n  - version: 1.0.0\n",
}


@pytest.mark.parametrize("data", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_read(data: bytes) -> None:
    assert [version.version for version in listed(data, "podinfo")] == ["1.0.0"]


def test_what_is_no_version_is_left_out() -> None:
    rows = [
        row("latest"),
        row("1"),
        {"digest": DIGEST},
        "text",
        row("1" * 200),
        row("1.0.0", digest="md5:1", urls=[1, "a"], created=5),
    ]

    assert listed(index(podinfo=rows), "podinfo") == (ChartVersion(version="1.0.0", urls=("a",)),)


HOSTILE = {
    "not YAML": b"entries:\n  podinfo:\n  - {",
    "a web page": b"<!doctype html><html></html>",
    "nothing": b"",
    "tabs": b"entries:\n  podinfo:\n\t- version: 1.0.0\n  \t x",
    "the chart twice": b"entries:\n  podinfo:\n  - version: 1.0.0\n  a: []\n  podinfo:\n  - version: 9.0.0\n",
    "the chart twice in JSON": b'{"entries": {"podinfo": [], "podinfo": [{"version": "9.0.0"}]}}',
    "no list": b"entries:\n  podinfo:\n    version: 1.0.0\n",
    "a bomb": b"entries:\n  podinfo:\n  - &a [x, x, x, x, x, x, x, x, x, x]\n"
    + b"".join(b"  - &%c [%s]\n" % (98 + n, b", ".join([b"*%c" % (97 + n)] * 10)) for n in range(8)),
    "too many versions": b"entries:\n  podinfo:\n" + b"  - version: 1.0.0\n" * 5001,
    "a large index in another layout": b"entries: {a: [" + b"x, " * (3 << 20) + b"]}",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_index_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError) as refusal:
        listed(data, "podinfo")

    assert refusal.value.reason in {"SourceFailed", "IndexTooLarge"}


def test_a_name_that_is_a_pattern_is_none() -> None:
    assert listed(index(podinfo=[row("1.0.0")]), "pod.*") == ()


def test_another_chart_does_not_count_however_it_looks() -> None:
    data = index(evil=[row("1.0.0", description="a\n  podinfo:\n  - version: 9.9.9\n")], podinfo=[row("1.0.0")])

    assert [version.version for version in listed(data, "podinfo")] == ["1.0.0"]
