"""Names of revisions: commits, charts, or both, and values beside them.

What an Application declares is decided by a commit, by a packed chart, or by a commit and a chart whose values it holds. Values
may lie in further repositories. Each has a name that says what it is for good, and is kept in statuses, marks and histories:

- `94b34e0…`, the object name of a commit;
- `podinfo-6.5.4@sha256:6c3c…`, a chart and the digest of its archive;
- `94b34e0…+podinfo-6.5.4@sha256:6c3c…`, both;
- any of them with `+values@5d41402a:77b0c3d…`: the commits of other repositories with values, each after the first digits of
  the hash of the repository's address, so that they are found again after the spec was changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_DIGEST = "@sha256:"
_VALUES = re.compile(r"\+values@((?:[0-9a-f]{8}:(?:[0-9a-f]{64}|[0-9a-f]{40}),?){1,16})\Z")
_ADDRESS_DIGITS = 8
_SHORT = 12


def chart_name(name: str, version: str, digest: str) -> str:
    """The revision of a chart's version.

    Args:
        name: of the chart.
        version: as its repository writes it.
        digest: of its archive, `sha256:…`.
    """
    return f"{name}-{version}@{digest}"


def joined(commit: str, chart: str) -> str:
    """The revision of a commit with a chart beside it."""
    return f"{commit}+{chart}" if chart else commit


def with_values(revision: str, commits: Sequence[tuple[str, str]]) -> str:
    """The revision with values of other repositories.

    Args:
        revision: without values.
        commits: of each repository with values, after its address.
    """
    named = ",".join(f"{_address(url)}:{commit}" for url, commit in commits)
    return f"{revision}+values@{named}" if named else revision


def values_of(revision: str, urls: Sequence[str]) -> tuple[str, ...]:
    """The commits of repositories with values; empty where none is named.

    Args:
        revision: any.
        urls: the addresses, in the order of the spec; one that is followed twice has its commits in that order.
    """
    match = _VALUES.search(revision)
    left = [tuple(entry.split(":")) for entry in match[1].split(",") if entry] if match else []
    result = []
    for url in urls:
        pair = next((entry for entry in left if entry[0] == _address(url)), None)
        if pair is not None:
            left.remove(pair)
        result.append(pair[1] if pair is not None else "")
    return tuple(result)


def without_values(revision: str) -> str:
    """The commit and the chart of a revision."""
    match = _VALUES.search(revision)
    return revision[: match.start()] if match else revision


def commit_of(revision: str) -> str:
    """The commit in a revision; empty for a chart alone."""
    revision = without_values(revision)
    if _DIGEST not in revision:
        return revision
    commit, plus, _ = revision.partition("+")
    return commit if plus and _COMMIT.match(commit) else ""


def base_of(revision: str) -> str:
    """What Applications of one source share: the commit or chart."""
    return commit_of(revision) or without_values(revision)


def chart_of(revision: str) -> str:
    """The chart in a revision; empty for a commit alone."""
    revision = without_values(revision)
    if _DIGEST not in revision:
        return ""
    commit, plus, chart = revision.partition("+")
    return chart if plus and _COMMIT.match(commit) else revision


def digest_of(chart: str) -> str:
    """The digest in the revision of a chart, `sha256:…`; empty without one."""
    chart = without_values(chart)
    return f"sha256:{chart.rpartition(_DIGEST)[2]}" if _DIGEST in chart else ""


def version_of(chart: str, name: str) -> str:
    """The version in a chart's revision; empty for another chart."""
    plain = chart.rpartition(_DIGEST)[0]
    return plain.removeprefix(f"{name}-") if plain.startswith(f"{name}-") else ""


@lru_cache(maxsize=1024)
def short(revision: str) -> str:
    """A revision for people: twelve digits, a chart and its version."""
    commit, chart = commit_of(revision)[:_SHORT], chart_of(revision).rpartition(_DIGEST)[0]
    shown = f"{commit}+{chart}" if commit and chart else commit or chart
    match = _VALUES.search(revision)
    values = ",".join(entry.partition(":")[2][:_SHORT] for entry in match[1].split(",") if entry) if match else ""
    return f"{shown}+values@{values}" if values else shown


def _address(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:_ADDRESS_DIGITS]
