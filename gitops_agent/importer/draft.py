"""Builds our resources from what a translation yields.

What is imported observes at first, whatever the other tool does: its first plan is read before anything is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitops_agent.api.application import API_VERSION, KIND
from gitops_agent.manifest.key import Object

OBSERVE = "observe"
_EMPTY: tuple[Any, ...] = (None, "", [], {}, ())


def given(fields: Object) -> Object:
    """The fields that have a value, without empty maps, lists and texts."""
    return {name: value for name, value in fields.items() if not any(value is None or value == empty for empty in _EMPTY)}


def application(name: str, namespace: str, spec: Object, *, metadata: Object | None = None) -> Object:
    """An Application that observes."""
    sync = {"mode": OBSERVE, **spec.get("sync", {})}
    whole = {"source": spec.get("source"), **{name: value for name, value in spec.items() if name != "source"}, "sync": sync}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace, **(metadata or {})},
        "spec": given(whole),
    }


def kept_metadata(obj: Object, groups: Iterable[str]) -> Object:
    """Labels and annotations but those of the other tool and of kubectl."""
    metadata, foreign = obj.get("metadata") or {}, (*groups, "kubectl.kubernetes.io")

    def is_foreign(name: str) -> bool:
        domain = name.partition("/")[0] if "/" in name else name
        return any(domain == group or domain.endswith(f".{group}") for group in foreign)

    return given(
        {
            field: {name: str(value) for name, value in (metadata.get(field) or {}).items() if not is_foreign(name)}
            for field in ("labels", "annotations")
        }
    )
