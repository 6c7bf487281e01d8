"""Lists the fields that an object sets, as the tables name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitops_agent.manifest.key import Object

_SERVER = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "selfLink",
        "generateName",
    }
)
_BY_KEY = frozenset({"metadata.annotations", "metadata.labels"})
_OPTIONS = "syncOptions"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def set_fields(obj: Object) -> tuple[str, ...]:
    """Paths such as `spec.source.path`, each once, in order.

    Items of lists are `[]`, annotations, labels and sync options `[NAME]`.
    """
    metadata = {name: value for name, value in (obj.get("metadata") or {}).items() if name not in _SERVER}
    rest = {
        name: value for name, value in obj.items() if name not in {"apiVersion", "kind", "metadata", "status", "stringData"}
    }
    paths = [*_below("metadata", metadata), *(path for name, value in rest.items() for path in _below(name, value))]
    paths += [f"data.{name}" for name in obj.get("stringData") or {}]
    return tuple(dict.fromkeys(paths))


def values_at(obj: Object, path: str) -> tuple[Any, ...]:
    """The values at a path of `set_fields` without keys of maps."""
    values: list[Any] = [obj]
    for step in path.split("."):
        name, several = step.removesuffix("[]"), step.endswith("[]")
        below = [value[name] for value in values if isinstance(value, dict) and name in value]
        values = [item for value in below if isinstance(value, list) for item in value] if several else below
    return tuple(values)


def _below(path: str, value: Any) -> Iterator[str]:
    if value is None or value in ({}, []):
        return
    if path in _BY_KEY:
        yield from (f"{path}[{key}]" for key in value if key != _APPLIED)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _below(f"{path}.{name}", inner)
    elif isinstance(value, list):
        for item in value:
            yield from _item(path, item)
    else:
        yield path


def _item(path: str, item: Any) -> Iterator[str]:
    if path.endswith(_OPTIONS):
        yield f"{path}[{str(item).partition('=')[0]}]"
    elif isinstance(item, dict | list):
        yield from _below(f"{path}[]", item)
    else:
        yield path
