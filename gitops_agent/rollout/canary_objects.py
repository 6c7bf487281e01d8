"""Builds the objects of a canary, its copied configuration, and the baseline.

All of them are made from Git's manifests and a hash, never from anything live: the same inputs give the same objects, and two
versions never share a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE
from gitops_agent.rollout.version_hash import configuration, content, renamed, template

VARIANT = marks.PREFIX + "variant"
ROLLOUT_HASH = marks.PREFIX + "rollout-hash"
COMMIT = marks.PREFIX + "rollout-commit"
SPLIT = marks.PREFIX + "split"
"""On both Services, whose EndpointSlices copy it: one watch sees the endpoints that matter and no others."""

PRIMARY = "primary"
CANARY = "canary"
BASELINE = "baseline"

_LABEL_LIMIT = 63
_NAME_LIMIT = 253
_NOT_COPIED = (marks.PRUNE, marks.APPLY, marks.REPLACE, marks.DEPENDS_ON, marks.WAVE, marks.HOOK)


def canary_name(workload: str, version: str) -> str:
    """The name of the canary Deployment, short enough for derived labels."""
    return fitted(f"{workload}-c-{version}", limit=_LABEL_LIMIT - 11)


def baseline_name(workload: str, version: str) -> str:
    """The name of the baseline Deployment."""
    return fitted(f"{workload}-b-{version}", limit=_LABEL_LIMIT - 11)


def canary_service_name(service: str) -> str:
    """The name of the canary's Service."""
    return fitted(f"{service}-canary", limit=_LABEL_LIMIT)


def fitted(name: str, *, limit: int) -> str:
    """The name, its middle replaced by a hash where too long."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: limit - 9].rstrip('-.')}-{digest}"


def labels(version: str) -> dict[str, str]:
    """The labels that distinguish canary pods from all others."""
    return {VARIANT: CANARY, ROLLOUT_HASH: version}


def canary(workload: Object, *, version: str, replicas: int, copies: Mapping[tuple[str, str], str]) -> Object:
    """The canary Deployment.

    Args:
        workload: the target's Deployment, as rendered; its own labels stay, so what selects by them finds both.
        version: the hash.
        replicas: how many pods.
        copies: new names of copied configuration, by kind and name.
    """
    result = copy(workload)
    metadata, spec = result["metadata"], result["spec"]
    metadata["name"] = canary_name(metadata["name"], version)
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels(version)}
    _without_instructions(metadata)
    spec["replicas"] = replicas
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **labels(version)}}
    spec["template"] = labelled(renamed(template(workload), copies), labels(version))
    return result


def baseline(workload: Object, *, version: str, replicas: int) -> Object:
    """The baseline Deployment: new pods of the stable version, for comparison.

    Its pods carry the label of the stable side, since it is by that label that the Service finds them, and the hash of their
    version, which no pod of the workload itself carries; only the Deployment is labelled `variant: baseline`.

    Args:
        workload: the stable Deployment, as rendered; its configuration is read under the names it has.
        version: the stable hash.
        replicas: how many pods.
    """
    result = copy(workload)
    metadata, spec = result["metadata"], result["spec"]
    metadata["name"] = baseline_name(metadata["name"], version)
    metadata["labels"] = {**(metadata.get("labels") or {}), VARIANT: BASELINE, ROLLOUT_HASH: version}
    _without_instructions(metadata)
    spec["replicas"] = replicas
    own = {VARIANT: PRIMARY, ROLLOUT_HASH: version}
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **own}}
    spec["template"] = labelled(template(workload), own)
    return result


def labelled(pod_template: Object, more: Mapping[str, str]) -> Object:
    """A copy of a pod template with more labels."""
    result = copy(pod_template)
    metadata = result["metadata"] = result.get("metadata") or {}
    metadata["labels"] = {**(metadata.get("labels") or {}), **more}
    return result


def canary_service(service: Object, *, version: str, before: Object | None = None) -> Object:
    """The canary's Service: cluster-internal, its selector narrowed to the canary.

    Args:
        service: as the target has it.
        version: the hash.
        before: as the stable version has it: its routes are the ones in force until the promotion, and they name its ports.
    """
    spec = service.get("spec") or {}
    kept = {
        name: spec[name] for name in ("ipFamilies", "ipFamilyPolicy", "sessionAffinity", "trafficDistribution") if name in spec
    }
    ports = _ports(spec, (before or {}).get("spec") or {})
    metadata: Object = {
        "name": canary_service_name(service["metadata"]["name"]),
        "labels": {**(service["metadata"].get("labels") or {}), **labels(version), SPLIT: "true"},
    }
    if namespace := service["metadata"].get("namespace"):
        metadata["namespace"] = namespace
    selector = {name: value for name, value in (spec.get("selector") or {}).items() if name != VARIANT}
    canary_spec = {"type": "ClusterIP", "ports": ports, "selector": {**selector, **labels(version)}, **kept}
    return copy({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": canary_spec})


def _ports(spec: Object, before: Object) -> list[Object]:
    """The ports of a Service and its earlier ones, named where several."""
    ports = [{name: value for name, value in port.items() if name != "nodePort"} for port in spec.get("ports") or ()]
    numbers, names = {_place(port) for port in ports}, {port.get("name") for port in ports}
    for port in before.get("ports") or ():
        if _place(port) not in numbers:
            named = {"name": port["name"]} if port.get("name") and port["name"] not in names else {}
            kept = {name: value for name, value in port.items() if name not in ("nodePort", "name")}
            ports.append({**kept, **named})
    if len(ports) > 1:
        ports = [port if port.get("name") else {**port, "name": f"port-{port['port']}"} for port in ports]
    return ports


def _place(port: Object) -> tuple[object, object]:
    return port.get("port"), port.get("protocol", "TCP")


def copies(
    workload: Object, *, version: str, stable: Mapping[ObjectKey, Object], target: Mapping[ObjectKey, Object]
) -> tuple[Object, ...]:
    """The target's configuration that differs from the stable one, renamed.

    What is new needs no copy: nothing else reads it. It is applied under its own name before the canary.
    """
    result: list[Object] = []
    for key, obj in configuration(workload, target).items():
        if key in stable and content(stable[key]) != content(obj):
            renamed_copy = copy(obj)
            renamed_copy["metadata"]["name"] = copy_name(key.name, version)
            renamed_copy["metadata"]["labels"] = {**(renamed_copy["metadata"].get("labels") or {}), ROLLOUT_HASH: version}
            _without_instructions(renamed_copy["metadata"])
            result.append(renamed_copy)
    return tuple(result)


def copy_name(name: str, version: str) -> str:
    """The name of copied configuration."""
    return fitted(f"{name}-{version}", limit=_NAME_LIMIT)


def is_made(key: ObjectKey, *, workload: ObjectKey, service: ObjectKey, versions: Collection[str]) -> bool:
    """Whether a rollout gives this name to an object of these versions."""
    if key.namespace != workload.namespace:
        return False
    if key.group_kind == DEPLOYMENT:
        return any(
            key.name in (canary_name(workload.name, version), baseline_name(workload.name, version)) for version in versions
        )
    if key.group_kind == SERVICE:
        return bool(versions) and key.name == canary_service_name(service.name)
    return key.group_kind in (CONFIG_MAP, SECRET) and any(key.name.endswith(f"-{version}") for version in versions)


def copied_names(made: Sequence[Object], originals: Mapping[ObjectKey, Object], version: str) -> dict[tuple[str, str], str]:
    """New names by kind and old name."""
    copied = {(str(obj["kind"]), str(obj["metadata"]["name"])) for obj in made}
    return {
        (key.kind, key.name): copy_name(key.name, version)
        for key in originals
        if not key.group and (key.kind, copy_name(key.name, version)) in copied
    }


def _without_instructions(metadata: Object) -> None:
    """Removes annotations of the original that would keep a copy alive."""
    annotations = metadata.pop("annotations", None)
    if isinstance(annotations, dict):
        rest = {name: value for name, value in annotations.items() if name not in _NOT_COPIED}
        if rest:
            metadata["annotations"] = rest
