"""Projects a commit onto the cluster as its rollouts will leave it.

Problem: compared with Git as it is, a workload that is rolled out by policy always differs, if only by the labels of its pods,
and a canary looks like something to be deleted. Decision: a comparison is with what the commit comes to when its rollouts are
over, made by the same function that makes the agent's desired state; objects of a run under way belong to it and are no
difference. Whatever differs only because a rollout has not come to it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import APPLY_WITH_ROLLOUT, ROLLOUT, annotation
from gitops_agent.rollout.compose import Part, compose, retains
from gitops_agent.rollout.coverage import target, unbound, uncovered
from gitops_agent.rollout.overlay import ResolvedPolicy, routes
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Version
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.validation import refusal
from gitops_agent.rollout.version_hash import configuration, constants, version_hash
from gitops_agent.sync.autoscalers import targets
from gitops_agent.sync.desired import Desired


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutProjection:
    """The desired state after all rollouts, and what waits for one.

    Attributes:
        desired: what the commit comes to.
        asides: what is to be said of a difference in one object.
        notes: what is to be said once.
    """

    desired: Desired
    asides: Mapping[ObjectKey, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def aside(self, key: ObjectKey) -> str:
        """What is to be said of a difference in an object."""
        return self.asides.get(key, "")


def rest(desired: Desired, live: Mapping[ObjectKey, Object], autoscaled: frozenset[ObjectKey]) -> RolloutProjection:
    """What a commit comes to.

    Args:
        desired: what it declares.
        live: the live objects of the application.
        autoscaled: the workloads a live autoscaler scales.

    Raises:
        SpecInvalid: a policy cannot be read.
    """
    standings = {key: RolloutProgress.of(obj) for key, obj in live.items() if key.group_kind == ROLLOUT_POLICY}
    manifests = {manifest.key: manifest for manifest in desired.manifests}
    scaled = autoscaled | targets(manifest.obj for manifest in desired.manifests)
    specs = {
        key: read(RolloutPolicySpec, manifest.obj.get("spec") or {}, root=f"{key} spec")
        for key, manifest in manifests.items()
        if key.group_kind == ROLLOUT_POLICY
    }
    running = {standing.workload for standing in standings.values() if standing.state.running}
    parts: list[Part] = []
    asides: dict[ObjectKey, str] = {}
    subjects: dict[ObjectKey, ResolvedPolicy] = {}
    for key, spec in specs.items():
        workload = target(key.namespace, spec)
        provider = None if spec.strategy.rolling is not None else CAPABILITIES[str(spec.traffic.provider)].provider
        subject = ResolvedPolicy(policy=spec, workload=workload, provider=provider, autoscaled=workload in scaled)
        part = _part(desired, subject, standings.get(key), manifests)
        if part is not None:
            subjects[key] = subject
            parts.append(part)
            asides |= dict.fromkeys(_held(part.subject, standings.get(key), manifests, live), _held_back(standings.get(key)))
            asides[part.subject.workload] = _aside(part, key, standings.get(key))
    refusals, held = _unbound(manifests, specs, running)
    asides |= held
    refusals += tuple(
        f"rollout {key.namespace}/{key.name}: no rollout can begin: {text}"
        for key, subject in subjects.items()
        if (text := refusal(subject, manifests, unknown=desired.unscoped))
    )
    mine = frozenset(
        key for key, obj in live.items() if _maker(key, obj) in {(workload.namespace, workload.name) for workload in running}
    )
    notes = tuple(
        f"rollout {standing.key}: {standing.message}"
        for standing in standings.values()
        if standing.state.running or retains(standing.state)
    )
    notes = (*refusals, *notes)
    if not parts:
        return RolloutProjection(desired=replace(desired, kept=desired.kept | mine), asides=asides, notes=notes)
    overlaid = compose(desired.manifests, parts)
    laid = replace(desired, manifests=overlaid.manifests, kept=desired.kept | mine, declared=desired.content)
    return RolloutProjection(desired=laid, asides=asides, notes=notes)


def _unbound(
    manifests: Mapping[ObjectKey, Manifest], specs: Mapping[ObjectKey, RolloutPolicySpec], running: set[ObjectKey]
) -> tuple[tuple[str, ...], dict[ObjectKey, str]]:
    """The notes on policies that name nothing, and asides of held workloads."""
    refused = unbound(specs, manifests, running)
    if not refused:
        return (), {}
    names = ", ".join(f"{key.namespace}/{key.name}" for key in refused)
    covered = {target(key.namespace, spec) for key, spec in specs.items()} | running
    aside = f"a new version is held while RolloutPolicy {names} names no workload"
    return tuple(f"{key}: {text}" for key, text in refused.items()), dict.fromkeys(uncovered(manifests, covered), aside)


def _part(
    desired: Desired, subject: ResolvedPolicy, standing: RolloutProgress | None, manifests: Mapping[ObjectKey, Manifest]
) -> Part | None:
    """A rollout that is over, at what the commit declares."""
    if subject.workload not in manifests:
        return None
    hashed = version_hash(manifests[subject.workload].constant, constants(manifests))
    version = Version(commit=desired.revision.commit, hash=hashed)
    if standing is not None and standing.state.stable is not None and standing.state.stable.hash == hashed:
        version = standing.state.stable
    state = RolloutState(stable=version, adoption=Adoption.DONE)
    return Part(state=state, subject=subject, stable=desired.manifests, target=desired.manifests)


def _aside(part: Part, key: ObjectKey, standing: RolloutProgress | None) -> str:
    """How a difference of the workload itself comes about."""
    version, state = part.state.stable, standing.state if standing is not None else None
    if state is None or state.stable is None or version is None or standing is None:
        return ""
    if version.hash == state.stable.hash:
        return _waits(standing) if retains(state) else ""
    if state.rejects(version):
        return f"{version.hash} was rolled back and is not tried again: `gitops-agent rollout retry {standing.key}`"
    if state.running and state.target is not None and state.target.hash == version.hash:
        return _waits(standing)
    return f"by a rollout of {key.namespace}/{key.name}"


def _held(
    subject: ResolvedPolicy,
    standing: RolloutProgress | None,
    manifests: Mapping[ObjectKey, Manifest],
    live: Mapping[ObjectKey, Object],
) -> Iterable[ObjectKey]:
    """What a rollout holds back beside the workload."""
    if standing is None or not retains(standing.state):
        return ()
    objects = {key: manifest.obj for key, manifest in manifests.items()} | dict(live)
    workload = live.get(subject.workload)
    read_ = set() if workload is None else configuration(workload, objects).keys()
    carriers = set() if subject.provider is None else {subject.service, *routes(objects, subject)}
    return (read_ | carriers | {key for key, obj in objects.items() if annotation(obj, APPLY_WITH_ROLLOUT) == "true"}) - {
        subject.workload
    }


def _held_back(standing: RolloutProgress | None) -> str:
    return "" if standing is None else _waits(standing)


def _waits(standing: RolloutProgress) -> str:
    if standing.state.promoted:
        return f"once scaleDownDelay of {standing.key} is over"
    if standing.state.phase is Phase.HELD:
        return f"held back, since a rollout of {standing.key} was rolled back"
    return f"waits for the rollout of {standing.key}"


def _maker(key: ObjectKey, obj: Object) -> tuple[str, str]:
    """The workload whose rollout made an object."""
    return key.namespace, annotation(obj, ROLLOUT) or ""
