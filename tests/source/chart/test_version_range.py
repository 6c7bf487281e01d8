"""Versions of charts that a text means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.repository import ChartVersion
from gitops_agent.source.chart.version_range import choose, exact

VERSIONS = tuple(
    ChartVersion(version=version) for version in ("6.4.0", "6.5.3", "6.5.4", "6.5.4-rc.1", "7.0.0-rc.1", "v0.1.0", "1.0.0+up2")
)


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("6.5.3", "6.5.3"),
        ("~6.5", "6.5.4"),
        ("^6", "6.5.4"),
        ("*", "6.5.4"),
        ("", "6.5.4"),
        (">=6 <6.5", "6.4.0"),
        ("6.x", "6.5.4"),
        ("6.5.0 - 6.5.3", "6.5.3"),
        (">=7.0.0-0", "7.0.0-rc.1"),
        ("7.0.0-rc.1", "7.0.0-rc.1"),
        ("0.1.0", "v0.1.0"),
        ("v0.1.0", "v0.1.0"),
        ("1.0.0", "1.0.0+up2"),
        ("1.0.0+up2", "1.0.0+up2"),
        ("^8 || ~6.4", "6.4.0"),
        ("!=6.5.4, >=6.5", "6.5.3"),
    ],
)
def test_a_text_means_the_version_that_helm_takes(wanted: str, version: str) -> None:
    assert choose(VERSIONS, wanted, name="podinfo").version == version


def test_what_a_range_leaves_out_is_said() -> None:
    with pytest.raises(SourceError) as refusal:
        choose(VERSIONS, "~6.9", name="podinfo")

    assert refusal.value.reason == "ChartNotFound"
    assert str(refusal.value) == (
        "no version of podinfo in ~6.9; newest is 6.5.4 (and 7.0.0-rc.1, a prerelease, which ~6.9 leaves out)"
    )


def test_a_chart_without_versions_is_not_there() -> None:
    with pytest.raises(SourceError, match="the repository has no chart podinfo"):
        choose((), "*", name="podinfo")


def test_a_text_that_is_no_range_is_refused() -> None:
    with pytest.raises(SourceError, match="is not a version range"):
        choose(VERSIONS, "latest", name="podinfo")


def test_equals_are_not_ordered_by_build_metadata() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    versions = (ChartVersion(version="1.0.0+b", created=early), ChartVersion(version="1.0.0+a", created=late))

    assert choose(versions, "^1", name="x").version == "1.0.0+a"
    assert choose(versions, "^1", name="x", present="1.0.0+b").version == "1.0.0+b"


def test_a_range_is_no_exact_version() -> None:
    assert exact("6.5.4")
    assert not exact("6.5")
    assert not exact("~6.5.4")
