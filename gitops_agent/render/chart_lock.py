"""The versions that a chart's lock names for its dependencies.

A lock fits when its digest is that of the dependencies in Chart.yaml and in the lock, as Helm computes it: the hash of both
lists as Go writes them in JSON. One that does not fit was written for other dependencies, so its versions mean nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import read
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.paths import join
from gitops_agent.revision.tree import EntryType

STALE = "ChartLockStale"
_LIMITS = YamlLimits(bytes=1024 * 1024, documents=1, nodes=50_000)
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What Go escapes in JSON beside what every writer does."""


def read_lock(inputs: Inputs, path: str, about: Object, requirements: Sequence[Object]) -> tuple[str, list[Object]] | None:
    """The lock of a chart: (its file, its entries); None without one.

    Args:
        inputs: of the render.
        path: of the chart.
        about: its Chart.yaml.
        requirements: its dependencies; the lock has one entry for each, in their order.

    Raises:
        RenderError: reason `ChartLockStale`, for one that does not fit.
    """
    older = about.get("apiVersion") == "v1"
    for name in ("requirements.lock", "Chart.lock") if older else ("Chart.lock", "requirements.lock"):
        entry = inputs.locate(join(path, name))
        if entry is None or entry.type is not EntryType.FILE:
            continue
        file = join(path, name)
        documents = read(inputs.read(entry.path, limit=_LIMITS.bytes), file=file, limits=inputs.bounded(_LIMITS)).documents
        lock: Any = documents[0].value if documents else None
        entries = lock.get("dependencies") if isinstance(lock, dict) else None
        if not isinstance(entries, list) or not all(isinstance(dependency, dict) for dependency in entries):
            raise _stale(path, file)
        if lock.get("digest") not in (digest(requirements, entries), *([older_digest(requirements)] if older else [])):
            raise _stale(path, file)
        if [dependency.get("name") for dependency in entries] != [requirement.get("name") for requirement in requirements]:
            raise _stale(path, file)
        return file, entries
    return None


def advice(path: str) -> str:
    """What the author of a chart has to run."""
    return f"run `helm dependency update {path or '.'}` and commit"


def digest(requirements: Iterable[Object], entries: Iterable[Object]) -> str:
    """The digest of a lock, as Helm 3 and 4 compute it."""
    return _hash([[_row(requirement) for requirement in requirements], [_row(entry) for entry in entries]])


def older_digest(requirements: Iterable[Object]) -> str:
    """The digest that Helm 2 wrote into locks."""
    return _hash({"dependencies": [_row(requirement) for requirement in requirements]})


def _hash(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for letter, escaped in _ESCAPED.items():
        text = text.replace(letter, escaped)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def _row(dependency: Object) -> Object:
    """The fields that Helm knows, in its order, without empty ones."""
    fields: Object = {"name": dependency.get("name") or ""}
    if version := dependency.get("version"):
        fields["version"] = version
    fields["repository"] = dependency.get("repository") or ""
    for name in ("condition", "tags", "enabled", "import-values", "alias"):
        if value := dependency.get(name):
            fields[name] = _sorted(value)
    return fields


def _sorted(value: Any) -> Any:
    """The value with the keys of mappings in order."""
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def _stale(path: str, file: str) -> RenderError:
    requirements = "requirements.yaml" if file.endswith("requirements.lock") else "Chart.yaml"
    return RenderError(f"{file} does not fit {requirements}: {advice(path)}", reason=STALE, file=file)
