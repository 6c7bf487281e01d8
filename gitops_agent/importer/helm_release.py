"""A release of Helm, read from its Secret.

The Secret holds JSON, packed and encoded twice: once by Helm, once by the API server. Its content is what a person or a
pipeline once gave to Helm, so it is unpacked within limits and taken for data only.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from gitops_agent.errors import RenderError
from gitops_agent.importer.helm_lock import lock_of, requirements_of
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.yaml import read

TYPE = "helm.sh/release.v1"
DEPLOYED = "deployed"
_PREFIX = "sh.helm.release.v1."
_GZIP = b"\x1f\x8b"
_LARGEST = 64 * 1024 * 1024
_FILES = 10_000
_LIMITS = YamlLimits(bytes=_LARGEST, nodes=1_000_000)
_TEST = frozenset({"test", "test-success", "test-failure"})


class ReleaseUnreadable(RenderError):
    """A release's Secret is not what Helm writes."""

    reason = "RenderFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFile:
    """A file of a chart: path and bytes."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRelease:
    """One revision of a release.

    Attributes:
        name: of the release.
        namespace: where it was installed.
        version: its revision, from 1 on.
        chart: the content of `Chart.yaml`.
        values: those given by the user.
        defaults: the values of the chart.
        files: the chart's other files, as far as Helm keeps them: those of its dependencies are not there.
        manifest: what Helm rendered, as YAML.
        hooks: the manifests of hooks but for tests, as YAML.
        lock: the content of `Chart.lock`, for the dependencies that were rendered; None without one that says them all.
    """

    name: str
    namespace: str
    version: int
    chart: Object
    values: Object = field(repr=False)
    defaults: Object = field(repr=False)
    files: tuple[ChartFile, ...] = field(repr=False)
    manifest: str = field(repr=False)
    hooks: tuple[str, ...] = field(repr=False)
    lock: Object | None = None

    @property
    def whole(self) -> bool:
        """Whether all of the chart is there, or named by its lock."""
        return not self.chart.get("dependencies") or self.lock is not None

    def objects(self) -> list[tuple[str, Object]]:
        """The rendered objects with their templates; hooks are among them.

        Raises:
            RenderError: the manifest is no YAML.
        """
        return [row for text in (self.manifest, *self.hooks) for row in _objects(text)]

    def deleted(self) -> list[ObjectKey]:
        """The objects that `helm uninstall` deletes, with their namespaces."""
        keys = (ObjectKey.of(obj) for _, obj in _objects(self.manifest))
        return [key if key.namespace else ObjectKey(key.group, key.kind, self.namespace, key.name) for key in keys]


def newest(secrets: Iterable[Object]) -> Object | None:
    """The newest deployed revision among the Secrets of a release."""
    rows = [(_version(secret), secret) for secret in secrets if mapping(secret, "metadata", "labels").get("status") == DEPLOYED]
    return max(rows, key=lambda row: row[0])[1] if rows else None


def read_release(secret: Object) -> HelmRelease:
    """The release in a Secret.

    Raises:
        ReleaseUnreadable: it is none, or too large.
    """
    name = str(mapping(secret, "metadata").get("name"))
    try:
        packed = base64.b64decode(base64.b64decode(mapping(secret, "data")["release"], validate=True), validate=True)
        payload: Any = orjson.loads(_unpacked(packed))
        return _release(payload)
    except (binascii.Error, KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        text = f"Secret {name} holds no release of Helm that can be read ({type(error).__name__})"
        raise ReleaseUnreadable(text, secret=name) from None


def _unpacked(data: bytes) -> bytes:
    """The JSON, which older versions of Helm have not packed.

    Raises:
        ValueError: it is too large.
    """
    if not data.startswith(_GZIP):
        return data
    unpacker = zlib.decompressobj(31)
    result = unpacker.decompress(data, _LARGEST)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("too large or cut off")
    return result


def _release(payload: Any) -> HelmRelease:
    chart = payload["chart"]
    files = [*items(chart.get("templates")), *items(chart.get("files"))]
    if len(files) > _FILES:
        raise ValueError("too many files")
    if chart.get("schema"):
        files.append({"name": "values.schema.json", "data": chart["schema"]})
    hooks = [hook for hook in items(payload.get("hooks")) if not _TEST.intersection(hook.get("events") or ())]
    return HelmRelease(
        name=str(payload["name"]),
        namespace=str(payload["namespace"]),
        version=int(payload["version"]),
        chart=_about(dict(chart["metadata"])),
        lock=lock_of(chart["metadata"], mapping(chart.get("lock"))),
        values=dict(payload.get("config") or {}),
        defaults=dict(chart.get("values") or {}),
        files=tuple(ChartFile(path=_path(file["name"]), data=base64.b64decode(file.get("data") or "")) for file in files),
        manifest=str(payload.get("manifest") or ""),
        hooks=tuple(str(hook.get("manifest") or "") for hook in hooks),
    )


def _about(chart: Object) -> Object:
    requirements = requirements_of(chart)
    return {**chart, "dependencies": requirements} if requirements else chart


def _path(name: str) -> str:
    """A path that stays in the chart.

    Raises:
        ValueError: it does not.
    """
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise ValueError("a path leads out of the chart")
    return name


def _objects(text: str) -> Iterator[tuple[str, Object]]:
    documents = read(text.encode(), file="the release's manifest", limits=_LIMITS, last_key_wins=True).documents
    lines = text.split("\n")
    for document in documents:
        above = (line.removeprefix("# Source: ") for line in reversed(lines[: document.line]) if line.startswith("# Source: "))
        source = next(above, "")
        if isinstance(document.value, dict) and document.value.get("kind"):
            yield source, document.value


def _version(secret: Object) -> int:
    text = str(mapping(secret, "metadata", "labels").get("version") or "")
    return int(text) if text.isdecimal() else 0
