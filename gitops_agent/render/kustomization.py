"""References of a kustomization: its file fields, and signs of remote ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gitops_agent.manifest.key import Object


class Role(StrEnum):
    """What a reference may point at."""

    FILE = "file"
    """A file whose text is used as it is."""

    INLINE = "inline"
    """A file, or the text itself."""

    RESOURCE = "resource"
    """A file of objects, or a directory with a kustomization."""

    DIRECTORY = "directory"
    """A directory with a kustomization."""

    PLUGIN = "plugin"
    """A file (or text, or directory) that configures a generator, transformer or validator."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One name in a kustomization, as written."""

    field: str
    value: str
    role: Role


_LISTS = (
    ("resources", Role.RESOURCE),
    ("bases", Role.DIRECTORY),
    ("components", Role.DIRECTORY),
    ("crds", Role.FILE),
    ("configurations", Role.FILE),
    ("patchesStrategicMerge", Role.INLINE),
    ("generators", Role.PLUGIN),
    ("transformers", Role.PLUGIN),
    ("validators", Role.PLUGIN),
)
_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "configmapGenerator", "secretGenerator")
_BUILTIN_GENERATORS = ("ConfigMapGenerator", "SecretGenerator")
_CHARTS = ("helmCharts", "helmChartInflationGenerator")
_SPELLED = frozenset({*(name for name, _ in _LISTS), *_WITH_PATH, *_GENERATORS, *_CHARTS, "openapi", "kind", "metadata"})
FIELDS = (
    *(name for name, _ in _LISTS),
    *_WITH_PATH,
    *("apiVersion", "kind", "metadata", "namespace", "namePrefix", "nameSuffix", "images", "replicas", "labels"),
    *("commonLabels", "commonAnnotations", "configMapGenerator", "secretGenerator", "generatorOptions", "vars", "openapi"),
    *("buildMetadata", "sortOptions", "helmCharts"),
)
"""The fields of a kustomization, for suggestions."""
_SPELLED_BELOW = frozenset({"files", "envs", "env", "path", "paths", "annotations"})
LONGEST = 4096
"""Characters of a name, as many as a path has at most. Nothing longer is read further."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*+://|git::|(?:www\.)?github\.com[:/]|gh:")
_SEGMENT = re.compile(r"[^/\s]++")
_QUERY = re.compile(r"[?&](?:ref|version|timeout|submodules)=")
_USERINFO = re.compile(r"//[^/@\s]*+@")
_FUNCTION = "config.kubernetes.io/function"
_FUNCTIONS = (_FUNCTION, "config.k8s.io/function", "kustomize.config.k8s.io/function")


def references(kustomization: Object) -> Iterator[Reference]:
    """Every reference of a kustomization, by field.

    Values of a wrong type are left for kustomize to refuse.
    """
    for name, role in _LISTS:
        for value in _texts(kustomization.get(name)):
            yield Reference(name, value, role)
    for name in _WITH_PATH:
        yield from _paths(name, kustomization.get(name))
    for name in _GENERATORS:
        for generator in _mappings(kustomization.get(name)):
            yield from generated_from(name, generator)
    openapi = kustomization.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield Reference("openapi.path", openapi["path"], Role.FILE)


def plugin_references(config: Object) -> Iterator[Reference]:
    """The files named in the configuration of kustomize's own plugins."""
    kind = config.get("kind")
    name = kind if isinstance(kind, str) else ""
    if kind in _BUILTIN_GENERATORS:
        yield from generated_from(name, config)
    if isinstance(config.get("path"), str):
        yield Reference(f"{name}.path", config["path"], Role.FILE)
    for value in _texts(config.get("paths")):
        yield Reference(f"{name}.paths", value, Role.INLINE)
    yield from _paths(f"{name}.replacements", config.get("replacements"))


def misspelled(config: Object) -> tuple[str, str] | None:
    """A key that differs from a known one only in case.

    kustomize takes both for the same, so that what such a key names would escape `references`. What counts as the same
    letter is what Go says: the long s and the sign for Kelvin are letters too.
    """
    fields = (*_WITH_PATH, *_GENERATORS, "openapi", "metadata")
    below = (item for name in fields for item in (config.get(name), *_mappings(config.get(name))) if isinstance(item, dict))
    for mapping, names in ((config, _SPELLED | _SPELLED_BELOW), *((item, _SPELLED_BELOW) for item in below)):
        spelled = {name.casefold(): name for name in names if name != "configmapGenerator"}
        for key in mapping:
            if key not in names and key.casefold() in spelled:
                return key, spelled[key.casefold()]
    return None


def generated_from(name: str, generator: Object) -> Iterator[Reference]:
    """The files a ConfigMap or Secret is generated from."""
    for value in _texts(generator.get("files")):
        key, equals, path = value.partition("=")
        yield Reference(f"{name}.files", path if equals else key, Role.FILE)
    for value in _texts(generator.get("envs")):
        yield Reference(f"{name}.envs", value, Role.FILE)
    if isinstance(generator.get("env"), str) and generator["env"]:
        yield Reference(f"{name}.env", generator["env"], Role.FILE)


def charts(kustomization: Object) -> str | None:
    """The field of a kustomization that names Helm charts, if any."""
    return next((name for name in _CHARTS if kustomization.get(name)), None)


def function(config: Object) -> bool:
    """Whether a plugin's configuration would run a program or container."""
    metadata = config.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and any(name in annotations for name in _FUNCTIONS)


def remote(value: str) -> bool:
    """Whether kustomize would take a reference for something to fetch."""
    question = value.find("?")
    return (
        _SCHEME.match(value) is not None
        or _user_and_host(value)
        or (question >= 0 and _QUERY.search(value, question) is not None)
    )


def _user_and_host(value: str) -> bool:
    """Whether a reference begins as `git@host:path` or `user@host/path`."""
    match = _SEGMENT.match(value)
    segment = match[0] if match else ""
    at = segment.find("@", 1)
    return at > 0 and (segment.find(":", at + 2) > 0 or (len(segment) > at + 1 and value.startswith("/", len(segment))))


def shown(value: str) -> str:
    """A reference without credentials, for messages."""
    return _USERINFO.sub("//***@", value.strip()[:LONGEST])[:300]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def _mappings(value: Any) -> Iterator[Object]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _paths(name: str, value: Any) -> Iterator[Reference]:
    # Entries of `patches` that are texts are an older spelling of patchesStrategicMerge.
    for text in _texts(value):
        yield Reference(name, text, Role.INLINE)
    for item in _mappings(value):
        if isinstance(item.get("path"), str) and item["path"]:
            yield Reference(f"{name}.path", item["path"], Role.FILE)
