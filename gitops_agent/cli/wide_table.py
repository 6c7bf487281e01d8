"""A table, with the columns of `-A` and `-o wide`.

The last column of a table is the one that is folded, so further columns are put before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gitops_agent.manifest.key import Object

_WIDE = {
    "Application": ("repository", "ref", "path", "destination", "age"),
    "Notifier": ("events", "last-failure", "age"),
    "RolloutPolicy": ("target", "service", "age"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WideTable:
    """Headers and rows of a table."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def extended(self, objects: Sequence[Object], *, namespaces: bool, wide: bool) -> WideTable:
        """The rows with NAMESPACE first, and with the columns of `-o wide`.

        Args:
            objects: those of the rows, in the same order; all of one kind.
            namespaces: whether the namespace comes first.
            wide: whether there is more before the last column.
        """
        if not objects or not (namespaces or wide):
            return self
        first = ("namespace",) if namespaces else ()
        more = _WIDE[objects[0]["kind"]] if wide else ()
        rows = []
        for row, obj in zip(self.rows, objects, strict=True):
            namespace = (str(obj["metadata"]["namespace"]),) if namespaces else ()
            rows.append((*namespace, *row[:-1], *(_more(obj) if wide else ()), row[-1]))
        return WideTable(headers=(*first, *self.headers[:-1], *more, self.headers[-1]), rows=tuple(rows))


def _more(obj: Object) -> tuple[str, ...]:
    spec, age = obj["spec"], _age(obj)
    if obj["kind"] == "Application":
        source = spec["source"]
        chart = source.get("chart") or {}
        ref = " ".join(f"{kind}={value}" for kind, value in (source.get("ref") or {}).items())
        ref = f"{chart['name']} {chart['version']}" if chart else ref
        destination = (spec.get("destination") or {}).get("namespace") or obj["metadata"]["namespace"]
        return str(chart.get("repository") or source["repoURL"]), ref, str(source.get("path") or "."), str(destination), age
    if obj["kind"] == "Notifier":
        failure = (obj.get("status") or {}).get("lastFailure") or {}
        return ",".join(spec.get("events") or ()) or "default", _failure(failure), age
    target = spec.get("targetRef") or {}
    return f"{target.get('kind')}/{target.get('name')}", str(spec.get("service") or "-"), age


def _failure(failure: Object) -> str:
    return f"{ago(failure.get('at'))}: {failure.get('message')}" if failure else "-"


def ago(moment: str | None) -> str:
    """How long ago something happened; a dash for never."""
    from gitops_agent.rollout.progress import span

    return f"{span(datetime.now(UTC) - datetime.fromisoformat(moment))} ago" if moment else "-"


def _age(obj: Object) -> str:
    from gitops_agent.rollout.progress import span

    created = obj["metadata"].get("creationTimestamp")
    return span(datetime.now(UTC) - datetime.fromisoformat(str(created))) if created else ""
