"""Keeps generated values: what is live is what is desired.

A chart that makes a password up makes up another one in each render. Decision: an object is created with the values of its
render; from then on its generated fields are declared with the values they have in the cluster, also if a person wrote them,
so they are neither changed nor drift. A value that a later object of the same render shares with a live one is the live one
too, but only if that object is this application's: otherwise a chart could copy the secrets of others.

An annotation `checksum/…` of a pod template hashes a file that holds such values. In its place stands a hash of what the pods
read without them, and on the object the same hash says for which content its pods were started last; so they are started anew
when something declared has changed, and not because they were taken over.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitops_agent.manifest import pod_references
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.fields import FieldSet, owned, step
from gitops_agent.manifest.generated import counterpart, replaced
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import CONFIG_MAP, SECRET
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import CONFIGURATION
from gitops_agent.manifest.merge_keys import ABSENT, position, resolve
from gitops_agent.manifest.pointer import parse, pointer
from gitops_agent.manifest.reading import mapping
from gitops_agent.sync.live.live_object import LiveObject

_CHECKSUM = "checksum/"
_DIGITS = 32
_SHORTEST = 8
"""Characters of a value that is recognised in another object."""


def with_checksums(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The manifests with hashes of their own for generated checksums."""
    by_key = {manifest.key: manifest for manifest in manifests}
    return [
        _with_checksum(manifest, by_key) if any(map(_is_checksum, manifest.generated)) else manifest for manifest in manifests
    ]


def with_live_values(
    manifests: tuple[Manifest, ...], live: Mapping[ObjectKey, LiveObject], application: AppKey
) -> tuple[Manifest, ...]:
    """The manifests with the live values of their generated fields.

    Digests stay as they are.

    Args:
        manifests: what is declared.
        live: the live objects, whole where they have generated fields.
        application: whose manifests they are.
    """
    shared: dict[str, str] = {}
    taken: dict[ObjectKey, dict[str, Any]] = {}
    for manifest in manifests:
        there = live.get(manifest.key) if manifest.generated else None
        evidence = there.evidence if there is not None else None
        if there is None or evidence is None:
            continue
        values = taken[manifest.key] = _live_values(manifest, evidence)
        if there.owner == application:
            pairs = ((_text(manifest, path), _plain(manifest, path, value)) for path, value in values.items())
            shared |= {old: new for old, new in pairs if len(old) >= _SHORTEST and new}
    return tuple(
        _kept(manifest, taken.get(manifest.key, {}), shared) if manifest.generated else manifest for manifest in manifests
    )


def compared(manifest: Manifest, live: Object) -> Object:
    """What of a manifest is compared with its live object.

    A generated field that another writer has changed is not ours any more, and not drift.
    """
    fields = owned(live) or {}
    lost = [path for path in manifest.generated if not _owns(fields, live, parse(path))]
    return _without(manifest.obj, lost)


def _with_checksum(manifest: Manifest, by_key: Mapping[ObjectKey, Manifest]) -> Manifest:
    template = _template(manifest.obj)
    keys = {reference.key(manifest.key.namespace) for reference in pod_references.configuration(template)} & by_key.keys()
    read = [by_key[key] for key in keys] or [
        candidate for candidate in by_key.values() if candidate.generated and candidate.key.group_kind in (CONFIG_MAP, SECRET)
    ]
    content = digest(sorted([str(source.key), source.digest] for source in read))[:_DIGITS]
    obj = replaced(manifest.obj, {path: content for path in manifest.generated if _is_checksum(path)})
    metadata = mapping(obj, "metadata")
    annotations = {**mapping(metadata.get("annotations")), CONFIGURATION: content}
    return manifest.with_object({**obj, "metadata": {**metadata, "annotations": annotations}})


def _template(workload: Object) -> Object:
    spec = mapping(workload, "spec")
    job = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    return mapping(spec.get("template")) or mapping(job.get("template"))


def _is_checksum(path: str) -> bool:
    steps = parse(path)
    return steps[-2:-1] == ("annotations",) and steps[-1].startswith(_CHECKSUM)


def _live_values(manifest: Manifest, live: Object) -> dict[str, Any]:
    """The values that are live where the manifest has generated ones."""
    before = _annotation(live)
    changed = before is not None and before != _annotation(manifest.obj)
    values = {}
    for path in manifest.generated:
        if changed and _is_checksum(path):
            continue
        value = counterpart(manifest.obj, live, path)
        if value is not ABSENT and isinstance(value, str | int | float | bool):
            values[path] = value
    return values


def _annotation(obj: Object) -> Any:
    return mapping(mapping(obj, "metadata").get("annotations")).get(CONFIGURATION)


def _kept(manifest: Manifest, values: Mapping[str, Any], shared: Mapping[str, str]) -> Manifest:
    new = dict(values)
    for path in manifest.generated:
        text = _text(manifest, path) if path not in values and shared else ""
        same = text
        for old, value in shared.items():
            same = same.replace(old, value)
        if same != text:
            encodes = manifest.key.group_kind == SECRET and path.startswith("/data/")
            new[path] = base64.b64encode(same.encode()).decode() if encodes else same
    return replace(manifest, obj=replaced(manifest.obj, new)) if new else manifest


def _text(manifest: Manifest, path: str) -> str:
    return _plain(manifest, path, resolve(manifest.obj, path))


def _plain(manifest: Manifest, path: str, value: Any) -> str:
    """A value as text, decoded where it is data of a Secret."""
    if not isinstance(value, str) or not (manifest.key.group_kind == SECRET and path.startswith("/data/")):
        return value if isinstance(value, str) else ""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _owns(fields: FieldSet, value: Any, steps: Sequence[str]) -> bool:
    """Whether a field set holds a path."""
    for name in steps:
        index: Any = position(value, name) if isinstance(value, list) else name
        element = next(
            (candidate for candidate in fields if candidate != "." and index is not None and step(candidate, value) == index),
            None,
        )
        if element is None:
            return False
        fields = fields[element]
        if not fields:
            return True
        value = value[index]
    return True


def _without(obj: Object, paths: Iterable[str]) -> Object:
    """The object without some fields, and without maps that become empty."""
    result = obj
    for path in paths:
        steps = parse(path)
        for depth in range(len(steps), 0, -1):
            holder, name = pointer(*steps[: depth - 1]), steps[depth - 1]
            below = resolve(result, holder)
            if not isinstance(below, dict) or name not in below:
                break
            rest = {key: value for key, value in below.items() if key != name}
            result = replaced(result, {holder: rest}) if holder else rest
            if rest:
                break
    return result
