"""Chooses a chart's version by a text such as `~6.5`.

It is read as Helm does.
A text that is exactly a version in the repository means that one. Otherwise it is a range, of which the highest version counts;
prereleases take part only where the range names one. Build metadata orders nothing: of equals the later packed one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.repository import ChartVersion
from gitops_agent.source.semver import Range, Version

_NEVER = datetime.min.replace(tzinfo=UTC)


def exact(text: str) -> bool:
    """Whether a text is one version and no range."""
    return Version.parse(text) is not None


def choose(versions: Sequence[ChartVersion], wanted: str, *, name: str, present: str = "") -> ChartVersion:
    """The version that is meant.

    Args:
        versions: those the repository has.
        wanted: a version or a range; empty for the newest release.
        name: of the chart, for messages.
        present: the version followed until now, which stays among equals.

    Raises:
        SourceError: the text is no range (`InvalidSpec`), or no version is in it (`ChartNotFound`).
    """
    same = [version for version in versions if version.version == wanted]
    if not same:
        allowed = Range.parse(wanted or "*")
        same = _highest(version for version in versions if (parsed := Version.parse(version.version)) and parsed in allowed)
    if not same:
        raise SourceError(_absent(versions, wanted, name), reason="ChartNotFound", chart=name, version=wanted)
    return max(same, key=lambda each: (each.version == present, each.created or _NEVER, each.version, each.digest))


def _highest(versions: Iterable[ChartVersion]) -> list[ChartVersion]:
    """The highest, and what equals it in all but build metadata."""
    best: list[tuple[Version, ChartVersion]] = []
    for version in versions:
        parsed = Version.parse(version.version)
        if parsed is None or (best and parsed < best[0][0]):
            continue
        if best and best[0][0] < parsed:
            best = []
        best.append((parsed, version))
    return [version for _, version in best]


def _absent(versions: Sequence[ChartVersion], wanted: str, name: str) -> str:
    if not versions:
        return f"the repository has no chart {name}"
    parsed = [(version, each.version) for each in versions if (version := Version.parse(each.version)) is not None]
    releases = [pair for pair in parsed if not pair[0].prerelease]
    newest = max(releases or parsed, key=lambda pair: pair[0].precedence)[1]
    text = f"no version of {name} in {wanted}; newest is {newest}"
    later = [pair for pair in parsed if pair[0].prerelease and Version.parse(newest) < pair[0]]  # type: ignore[operator]
    if releases and later:
        text += f" (and {max(later, key=lambda pair: pair[0].precedence)[1]}, a prerelease, which {wanted} leaves out)"
    return text
