"""Names of revisions: commits, charts, or both.

What an Application declares is decided by a commit, by a packed chart, or by a commit and a chart whose values it holds. Each
has a name that says what it is for good, and is kept in statuses, marks and histories:

- `94b34e0…`, the object name of a commit;
- `podinfo-6.5.4@sha256:6c3c…`, a chart and the digest of its archive;
- `94b34e0…+podinfo-6.5.4@sha256:6c3c…`, both.
"""

from __future__ import annotations

import re

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_DIGEST = "@sha256:"
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


def commit_of(revision: str) -> str:
    """The commit in a revision; empty for a chart alone."""
    if _DIGEST not in revision:
        return revision
    commit, plus, _ = revision.partition("+")
    return commit if plus and _COMMIT.match(commit) else ""


def base_of(revision: str) -> str:
    """What Applications of one source share: the commit or chart."""
    return commit_of(revision) or revision


def chart_of(revision: str) -> str:
    """The chart in a revision; empty for a commit alone."""
    if _DIGEST not in revision:
        return ""
    commit, plus, chart = revision.partition("+")
    return chart if plus and _COMMIT.match(commit) else revision


def digest_of(chart: str) -> str:
    """The digest in the revision of a chart, `sha256:…`; empty without one."""
    return f"sha256:{chart.rpartition(_DIGEST)[2]}" if _DIGEST in chart else ""


def version_of(chart: str, name: str) -> str:
    """The version in a chart's revision; empty for another chart."""
    plain = chart.rpartition(_DIGEST)[0]
    return plain.removeprefix(f"{name}-") if plain.startswith(f"{name}-") else ""


def short(revision: str) -> str:
    """A revision for people: twelve digits, a chart and its version."""
    commit, chart = commit_of(revision)[:_SHORT], chart_of(revision).rpartition(_DIGEST)[0]
    return f"{commit}+{chart}" if commit and chart else commit or chart
