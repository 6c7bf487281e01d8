"""Lays a rollout over the manifests of two commits: part of D(t).

Problem: compared with Git alone, every weight in flight is drift. Decision: what is compared with,
applied and pruned by is made here, by one pure function: a weight the rollout wants is declared, one that a hand wrote is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitops_agent.api.rollout_policy import RolloutPolicySpec, TrafficProvider
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.held_objects import Commits, Holding, held_workload, hold
from gitops_agent.rollout.replica_counts import FULL
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Share, Stage, Version
from gitops_agent.rollout.traffic.router import TrafficRouter
from gitops_agent.rollout.version_hash import template

MADE = "the rollout"
"""Stands for the file of generated objects."""

_AUTOSCALERS = {
    ("autoscaling", "HorizontalPodAutoscaler"): ("behavior",),
    ("keda.sh", "ScaledObject"): ("advanced", "horizontalPodAutoscalerConfig", "behavior"),
}
"""Where each kind says how it scales down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayResult:
    """Desired state with a rollout laid over.

    Attributes:
        manifests: by key.
        kept: what is declared no longer, but not deleted before the run ends, because pods may still read it.
        own: what this rollout decides about: the workload, its Services, routes, autoscaler, and whatever it made.
        early: what is held but for its request to change before the rollout.
        bound: what other rollouts may hold as well, such as configuration.
        routes: what carries the share of traffic, as far as it is declared or made.
        notes: what was laid over, and why, for people.
    """

    manifests: tuple[Manifest, ...]
    kept: frozenset[ObjectKey] = frozenset()
    own: frozenset[ObjectKey] = frozenset()
    early: frozenset[ObjectKey] = frozenset()
    bound: frozenset[ObjectKey] = frozenset()
    routes: tuple[ObjectKey, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPolicy:
    """A policy with its workload, provider and autoscaling resolved.

    Attributes:
        policy: the policy of the run.
        workload: the key of its workload.
        provider: what lays shares over routes; None for `rolling`.
        autoscaled: whether an autoscaler decides the replicas of the workload.
        hosts: those that metrics may be queried from.
    """

    policy: RolloutPolicySpec
    workload: ObjectKey
    provider: TrafficRouter | None
    autoscaled: bool = False
    hosts: AllowedHosts = ANYWHERE

    @property
    def service(self) -> ObjectKey:
        """The Service whose traffic is split."""
        return SERVICE.named(self.workload.namespace, self.policy.service or "")


def commits(
    state: RolloutState, stable: Sequence[Manifest], target: Sequence[Manifest], newest: Sequence[Manifest] | None = None
) -> Commits:
    """The commits of a rollout; without a newest one, its target."""
    old = {manifest.key: manifest for manifest in stable}
    new = {manifest.key: manifest for manifest in target} if state.running and state.target is not None else old
    return Commits(stable=old, target=new, newest=new if newest is None else {manifest.key: manifest for manifest in newest})


def routed(overlaid: OverlayResult, state: RolloutState, subject: ResolvedPolicy) -> OverlayResult:
    """The desired state with the share of a rollout on its routes.

    Raises:
        RenderError: the routes cannot carry the share.
    """
    if subject.provider is None or subject.policy.strategy.rolling is not None:
        return overlaid
    result = {manifest.key: manifest for manifest in overlaid.manifests}
    carriers, notes = tuple(routes(result, subject)), overlaid.notes
    if state.running and not state.traffic.want.none:
        carriers = _route(state.traffic.want, result, subject)
        notes = (*notes, f"{state.traffic.want.weight} % of the traffic of {subject.service} goes to the canary")
    return replace(
        overlaid,
        manifests=_sorted(result.values()),
        own=overlaid.own | set(carriers),
        routes=(*overlaid.routes, *carriers),
        notes=notes,
    )


def laid(state: RolloutState, sides: Commits, subject: ResolvedPolicy, replicas: Replicas | None = None) -> OverlayResult:
    """The desired state without routes, which several rollouts may share."""
    replicas = replicas or Replicas.of(state)
    old, new = sides.stable, sides.target
    held = holding(state, sides, subject)
    result = {key: manifest for key, manifest in sides.newest.items() if key not in held.objects}
    before = state.target if state.rolled else state.stable
    for key, held_manifest in held.objects.items():
        if held_manifest is not None:
            source = state.target if key in held.early else before
            result[key] = held_manifest if source is None else replace(held_manifest, commit=source.commit)
    notes = [f"{key} is applied before the rollout" for key in sorted(held.early)]
    if workload := result.get(subject.workload):
        workload = held_workload(workload, sides.newest.get(subject.workload))
        result[subject.workload] = workload.with_object(_primary(workload.obj, state, replicas.primary, subject))
    own = {subject.workload}
    if not (subject.provider is None or subject.policy.strategy.rolling is not None):
        if state.adoption in {Adoption.SELECT, Adoption.DONE} and (service := result.get(subject.service)):
            result[subject.service] = service.with_object(_selecting(service.obj))
        generated = {
            manifest.key: manifest for manifest in (*_second(state, replicas, old, new, subject), *_third(state, old, subject))
        }
        result |= generated
        notes += (f"{key} belongs to the rollout of {state.target.hash if state.target else ''}" for key in generated)
        own |= {subject.service, *generated, *(_steady(result, subject, notes) if state.running else ())}
    return OverlayResult(
        manifests=_sorted(result.values()),
        kept=held.kept - result.keys(),
        own=frozenset(own),
        early=held.early - own,
        bound=frozenset(held.objects) - own,
        notes=tuple(notes),
    )


def holding(state: RolloutState, sides: Commits, subject: ResolvedPolicy) -> Holding:
    """What of the newest commit the rollout holds back now."""
    carriers: set[ObjectKey] = set()
    if not (subject.provider is None or subject.policy.strategy.rolling is not None):
        carriers = {subject.service, *routes(sides.stable, subject), *routes(sides.target, subject)}
    return hold(state, sides, subject.workload, carriers)


def _primary(workload: Object, state: RolloutState, replicas: int | None, subject: ResolvedPolicy) -> Object:
    """The workload, annotated with its version (on itself, not its pods)."""
    result = copy(workload)
    metadata, spec = result["metadata"], result["spec"]
    version = state.target if state.rolled else state.stable
    if version is not None:
        annotations = {canary_objects.ROLLOUT_HASH: version.hash, canary_objects.COMMIT: version.commit}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    if state.adoption is not Adoption.NONE and subject.policy.strategy.rolling is None:
        spec["template"] = canary_objects.labelled(template(result), {canary_objects.VARIANT: canary_objects.PRIMARY})
    if subject.autoscaled:
        spec.pop("replicas", None)
    elif replicas is not None:
        spec["replicas"] = replicas
    return result


def _selecting(service: Object, weight: int = 0) -> Object:
    """The Service, selecting stable pods, canary pods, or both."""
    result = copy(service)
    metadata, spec = result["metadata"], result["spec"]
    metadata["labels"] = {**(metadata.get("labels") or {}), canary_objects.SPLIT: "true"}
    selector = {name: value for name, value in (spec.get("selector") or {}).items() if name != canary_objects.VARIANT}
    if weight in {0, FULL}:
        selector[canary_objects.VARIANT] = canary_objects.CANARY if weight else canary_objects.PRIMARY
    spec["selector"] = selector
    return result


def _second(
    state: RolloutState,
    replicas: Replicas,
    old: Mapping[ObjectKey, Manifest],
    new: Mapping[ObjectKey, Manifest],
    subject: ResolvedPolicy,
) -> Iterable[Manifest]:
    """The objects of the canary, as far as the phase has them.

    A Deployment that was never made is not needed to leave: the API server may refuse it, and nothing would ever end.
    The correction of a first version that never came up goes through no step, so it has none.
    """
    workload, service = new.get(subject.workload), new.get(subject.service) or old.get(subject.service)
    leaving = state.leaving and state.stage in {Stage.UNROUTE, Stage.DRAIN, Stage.SERVICE}
    has = (state.beside or state.phase is Phase.PROMOTE or leaving) and not state.unproven
    if workload is None or state.target is None or not has:
        return
    version = state.target.hash
    before = {key: manifest.obj for key, manifest in old.items()}
    after = {key: manifest.obj for key, manifest in new.items()}
    copied = canary_objects.copies(workload.obj, version=version, stable=before, target=after)
    names = canary_objects.copied_names(copied, after, version)
    for obj in copied:
        yield _made(obj, subject)
    if service is not None and state.stage is not Stage.SERVICE:
        yield _made(canary_objects.canary_service(service.obj, version=version, before=before.get(subject.service)), subject)
    if state.abandoned and replicas.absent:
        return
    second = canary_objects.canary(workload.obj, version=version, replicas=replicas.canary, copies=names)
    yield _made(second, subject, **{canary_objects.ROLLOUT_HASH: version, canary_objects.COMMIT: state.target.commit})


def _third(state: RolloutState, old: Mapping[ObjectKey, Manifest], subject: ResolvedPolicy) -> Iterable[Manifest]:
    """The baseline, while the canary is compared with it."""
    workload, stable = old.get(subject.workload), state.stable
    if workload is None or stable is None or not state.baseline:
        return
    third = canary_objects.baseline(workload.obj, version=stable.hash, replicas=state.baseline)
    yield _made(third, subject, **{canary_objects.ROLLOUT_HASH: stable.hash, canary_objects.COMMIT: stable.commit})


def _made(obj: Object, subject: ResolvedPolicy, **annotations: str) -> Manifest:
    """A generated object, marked as the rollout's."""
    metadata = dict(obj["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), marks.ROLLOUT: subject.workload.name, **annotations}
    return Manifest.of({**obj, "metadata": metadata}, file=MADE)


def _route(share: Share, result: dict[ObjectKey, Manifest], subject: ResolvedPolicy) -> tuple[ObjectKey, ...]:
    """Lays the share over the routes; returns the keys of carriers."""
    if subject.provider is None:
        return ()
    plain = subject.policy.traffic.provider is TrafficProvider.SERVICE
    if plain and (service := result.get(subject.service)):
        result[subject.service] = service.with_object(_selecting(service.obj, share.weight))
    keys = routes(result, subject)
    overlaid = subject.provider.overlay(
        [result[key].obj for key in keys],
        service=subject.service.name,
        canary_service=canary_objects.canary_service_name(subject.service.name),
        weight=share.weight,
        match=share.match,
        mirror=share.mirror,
    )
    for obj in overlaid:
        key = ObjectKey.of(obj)
        declared = result.get(key)
        result[key] = declared.with_object(obj) if declared else _made(obj, subject)
    return tuple(ObjectKey.of(obj) for obj in overlaid)


def routes(manifests: Iterable[ObjectKey], subject: ResolvedPolicy) -> list[ObjectKey]:
    """The routes of a policy; for a plain Service the Service itself."""
    if subject.policy.traffic.provider is TrafficProvider.SERVICE:
        return [key for key in manifests if key == subject.service]
    named = [(str(route.kind), route.name) for route in subject.policy.traffic.routes]
    here = {(key.kind, key.name): key for key in manifests if key.namespace == subject.workload.namespace}
    return [here[name] for name in named if name in here]


def _steady(result: dict[ObjectKey, Manifest], subject: ResolvedPolicy, notes: list[str]) -> tuple[ObjectKey, ...]:
    """Disables scale-down during a run: an abort brings the load back."""
    steadied: list[ObjectKey] = []
    for key, manifest in tuple(result.items()):
        if not _scales(manifest, subject):
            continue
        obj = copy(manifest.obj)
        behavior = obj["spec"]
        for step in _AUTOSCALERS[key.group, key.kind]:
            behavior[step] = behavior.get(step) or {}
            behavior = behavior[step]
        behavior["scaleDown"] = {**(behavior.get("scaleDown") or {}), "selectPolicy": "Disabled"}
        result[key] = manifest.with_object(obj)
        notes.append(f"{key} does not scale down during the rollout")
        steadied.append(key)
    return tuple(steadied)


def declares_carriers(declared: Collection[ObjectKey], subject: ResolvedPolicy) -> bool:
    """Whether commits declare the Service and every route of a policy."""
    if subject.provider is None or subject.policy.strategy.rolling is not None:
        return True
    return subject.service in declared and len(routes(declared, subject)) >= len(subject.policy.traffic.routes)


def commit_of_run(state: RolloutState, head: Version, declared: Collection[ObjectKey], subject: ResolvedPolicy) -> Version:
    """The version in Git, with the run's commit where equal.

    The run ends with the Service and the routes of its own commit where the newest no longer declares them.

    Args:
        state: where the rollout stands.
        head: the version in Git.
        declared: what the stable and the newest commit declare.
        subject: what the policy of the run is about.
    """
    target = state.target if state.beside or state.cutting else None
    if target is None or target.hash != head.hash or declares_carriers(declared, subject):
        return head
    return target


def adapted(manifest: Manifest, subject: ResolvedPolicy) -> bool:
    """Whether a rollout applies an object otherwise than Git declares it.

    That is its workload, its Service, its routes, and what scales the workload.
    """
    key = manifest.key
    return key in {subject.workload, subject.service} or key in routes((key,), subject) or _scales(manifest, subject)


def _scales(manifest: Manifest, subject: ResolvedPolicy) -> bool:
    """Whether an autoscaler decides about the workload of a policy."""
    if (manifest.key.group, manifest.key.kind) not in _AUTOSCALERS or manifest.key.namespace != subject.workload.namespace:
        return False
    target = (manifest.obj.get("spec") or {}).get("scaleTargetRef") or {}
    return (target.get("kind", "Deployment"), target.get("name")) == (subject.workload.kind, subject.workload.name)


def _sorted(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    return tuple(sorted(manifests, key=lambda manifest: manifest.key))
