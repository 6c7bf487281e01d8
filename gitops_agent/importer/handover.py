"""The commands that take another tool's hands off what was imported.

Each step is checked before the next one: the other tool is stopped, our Application begins to act, and the other tool's object
is deleted in a way that deletes nothing else. An object that is declared by another one is recreated or started again by it, so
that one comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gitops_agent.importer.conversion import Conversion
from gitops_agent.importer.tables.kinds import ARGO_APPLICATION, HELM_RELEASE, KUSTOMIZATION
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import TAKEN_OVER
from gitops_agent.manifest.reading import items, mapping

_PLURALS = {KUSTOMIZATION: "kustomizations", HELM_RELEASE: "helmreleases", ARGO_APPLICATION: "applications"}
_PARENT = "kustomize.toolkit.fluxcd.io"
_TRACKING = "argocd.argoproj.io/tracking-id"
_WAIT = "--timeout=30s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command.

    Attributes:
        command: as a shell takes it.
        effect: what it does.
    """

    command: str
    effect: str


def steps(conversion: Conversion) -> tuple[Step, ...]:
    """The commands for one object, in order."""
    kind = ObjectKey.of(conversion.source).group_kind
    if kind not in _PLURALS or not conversion.resources:
        return ()
    source = _target(conversion.source, kind)
    stop = _stop_argo(conversion.source, source) if kind == ARGO_APPLICATION else _stop_flux(source)
    return (*stop, *_start(conversion), *_remove(source, kind))


def in_order(conversions: Iterable[Conversion]) -> tuple[Conversion, ...]:
    """The conversions, each after those its Applications wait for."""
    left = [conversion for conversion in conversions if steps(conversion)]
    names = {id(conversion): {ObjectKey.of(resource) for resource in conversion.resources} for conversion in left}
    result: list[Conversion] = []
    while left:
        open_keys = {key for conversion in left for key in names[id(conversion)]}
        free = [conversion for conversion in left if not (_awaited(conversion) - names[id(conversion)]) & open_keys]
        result += free or left  # a cycle stands as it was written
        left = [conversion for conversion in left if conversion not in result]
    return tuple(result)


def _awaited(conversion: Conversion) -> set[ObjectKey]:
    """The Applications that its own wait for."""
    result = set()
    for resource in conversion.resources:
        key = ObjectKey.of(resource)
        edges = items(mapping(resource, "spec").get("dependsOn"))
        result |= {ObjectKey(key.group, key.kind, key.namespace, str(edge.get("name"))) for edge in edges}
    return result


def parent_of(obj: Object) -> str:
    """What declares an object, as an advice; empty for none."""
    metadata = mapping(obj, "metadata")
    labels, namespace = mapping(metadata, "labels"), metadata.get("namespace")
    if labels.get(f"{_PARENT}/name"):
        name, at = labels[f"{_PARENT}/name"], labels.get(f"{_PARENT}/namespace")
        return f'kubectl patch kustomizations.{_PARENT} {name} -n {at} --type merge -p \'{{"spec":{{"suspend":true}}}}\''
    owner = next(
        (reference for reference in items(metadata.get("ownerReferences")) if reference.get("kind") == "ApplicationSet"), None
    )
    if owner is not None:
        return f"kubectl delete applicationsets.argoproj.io {owner.get('name')} -n {namespace} --cascade=orphan"
    tracking = str(mapping(metadata, "annotations").get(_TRACKING) or "").partition(":")[0]
    home, _, name = tracking.rpartition("_")
    return _unset_automated(f"applications.argoproj.io {name} -n {home or namespace}") if name else ""


def _target(obj: Object, kind: GroupKind) -> str:
    key = ObjectKey.of(obj)
    return f"{_PLURALS[kind]}.{kind.group} {key.name} -n {key.namespace}"


def _stop_flux(source: str) -> Iterator[Step]:
    yield Step(
        command=f'kubectl patch {source} --type merge -p \'{{"spec":{{"suspend":true}}}}\'',
        effect="Flux no longer applies it; what runs goes on running",
    )
    yield Step(command=f"kubectl wait {source} --for=jsonpath='{{.spec.suspend}}'=true {_WAIT}", effect="it is suspended")


def _stop_argo(obj: Object, source: str) -> Iterator[Step]:
    if "automated" in mapping(obj, "spec", "syncPolicy"):
        yield Step(command=_unset_automated(source), effect="Argo CD no longer syncs it; what runs goes on running")
    yield Step(
        command=f"test -z \"$(kubectl get {source} -o jsonpath='{{.spec.syncPolicy.automated}}')\"",
        effect="automated sync is off",
    )


def _unset_automated(source: str) -> str:
    return f'kubectl patch {source} --type merge -p \'{{"spec":{{"syncPolicy":{{"automated":null}}}}}}\''


def _start(conversion: Conversion) -> Iterator[Step]:
    for resource in conversion.resources:
        key = ObjectKey.of(resource)
        named = f"{key.name} -n {key.namespace}"
        taken = f'"metadata":{{"annotations":{{"{TAKEN_OVER}":"true"}}}},' if conversion.installed else ""
        patch = f'{{{taken}"spec":{{"sync":{{"mode":"{conversion.mode}"}}}}}}'
        yield Step(
            command=f"kubectl patch applications.gitops-agent.dev {named} --type merge -p '{patch}'",
            effect=f"the agent takes over ({conversion.mode}); commit the mode",
        )
        yield Step(command=f"gitops-agent wait {named}", effect="it is synced and healthy")


def _remove(source: str, kind: GroupKind) -> Iterator[Step]:
    finalizer = "its deletion prunes nothing" if kind == ARGO_APPLICATION else "its deletion removes nothing"
    yield Step(command=f'kubectl patch {source} --type merge -p \'{{"metadata":{{"finalizers":null}}}}\'', effect=finalizer)
    yield Step(
        command=f"test -z \"$(kubectl get {source} -o jsonpath='{{.metadata.finalizers}}')\"",
        effect="no finalizer is left",
    )
    yield Step(command=f"kubectl delete {source}", effect="the other tool forgets it")
