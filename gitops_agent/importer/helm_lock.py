"""The lock of a release's chart, for fetching its dependencies.

Helm keeps Chart.yaml and Chart.lock with a release, but not the charts below it. It leaves disabled dependencies out of the
former and marks the others, so the lock is written anew: the same versions for what was rendered, with a digest that fits.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.errors import SourceError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.render.chart_lock import digest
from gitops_agent.source.semver import Range, Version

_FETCHED = ("https://", "http://", "oci://")


def requirements_of(chart: Object) -> list[Object]:
    """The dependencies of a Chart.yaml, without Helm's marks."""
    rows = items(chart.get("dependencies"))
    return [{name: value for name, value in row.items() if name != "enabled"} for row in rows]


def lock_of(chart: Object, lock: Object) -> Object | None:
    """The content of a Chart.lock; None where it leaves a version open.

    Args:
        chart: the content of Chart.yaml.
        lock: as Helm keeps it with a release; empty without one. Only charts of repositories can be fetched by it.
    """
    requirements, left = requirements_of(chart), items(mapping(lock).get("dependencies"))
    entries: list[Object] = []
    for requirement in requirements:
        entry = _entry(requirement, left)
        if entry is None or not str(entry.get("repository") or "").startswith(_FETCHED):
            return None
        left = [other for other in left if other is not entry]
        entries.append(entry)
    if not entries:
        return None
    generated = {"generated": lock["generated"]} if isinstance(lock.get("generated"), str) else {}
    return {"dependencies": entries, "digest": digest(requirements, entries), **generated}


def _entry(requirement: Object, entries: Sequence[Object]) -> Object | None:
    """The first entry that fits a dependency."""
    return next(
        (entry for entry in entries if entry.get("name") == requirement.get("name") and _fits(requirement, entry)), None
    )


def _fits(requirement: Object, entry: Object) -> bool:
    range_, version = str(requirement.get("version") or ""), Version.parse(str(entry.get("version") or ""))
    try:
        return version is not None and (not range_ or version in Range.parse(range_))
    except SourceError:
        return False
