"""Hash of a version: what its pods are made of, from Git.

Problem: a hash over what the API server returns changes with every default a new release adds, and re-rolls everything.
Decision: the rendered pod template and the contents of the ConfigMaps and Secrets it names, in canonical JSON, and nothing the
server said. What the manifests do not declare (a Secret made by hand) is no part of the version: no commit could
bring it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gitops_agent.manifest import pod_references
from gitops_agent.manifest.canonical import canonical, copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.quantities import spelled_within
from gitops_agent.manifest.reading import mapping

DIGITS = 8

_CONTENT = ("data", "binaryData", "stringData", "type")


def template(workload: Object) -> Object:
    """The pod template of a workload; empty when it has none."""
    return mapping(mapping(workload.get("spec")).get("template"))


def configuration(workload: Object, declared: Mapping[ObjectKey, Object]) -> dict[ObjectKey, Object]:
    """The declared ConfigMaps and Secrets whose content a workload's pods read."""
    namespace = ObjectKey.of(workload).namespace
    keys = {reference.key(namespace) for reference in pod_references.configuration(template(workload))}
    return {key: declared[key] for key in sorted(keys) if key in declared}


def version_hash(workload: Object, declared: Mapping[ObjectKey, Object]) -> str:
    """The hash of a workload's pods: eight hex digits.

    Args:
        workload: as rendered.
        declared: the manifests of the same render, by key.
    """
    contents = {str(key): content(obj) for key, obj in configuration(workload, declared).items()}
    value = {"template": spelled_within(template(workload)), "configuration": contents}
    return hashlib.sha256(canonical(value)).hexdigest()[:DIGITS]


def constants(manifests: Mapping[ObjectKey, Manifest]) -> dict[ObjectKey, Object]:
    """The objects of manifests, without the values that each render makes up."""
    return {key: manifest.constant for key, manifest in manifests.items()}


def content(obj: Object) -> Object:
    """What of a ConfigMap or Secret pods can read."""
    return {name: obj[name] for name in _CONTENT if obj.get(name)}


def renamed(pod_template: Object, names: Mapping[tuple[str, str], str]) -> Object:
    """A copy of a pod template with renamed ConfigMaps and Secrets.

    Args:
        pod_template: never mutated.
        names: new names by kind and old name.
    """
    result = copy(pod_template)
    for reference in tuple(pod_references.configuration(result)):
        reference.holder[reference.field] = names.get((reference.kind, reference.name), reference.name)
    return result
