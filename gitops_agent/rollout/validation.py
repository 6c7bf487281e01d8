"""Validates a policy against the manifests before anything changes.

A rollout that is refused when half of it is done is worse than none. Everything that can be known from the manifests alone is
checked here, all at once, and keeps the run from starting; the new version waits, and the status says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitops_agent.api.rollout_policy import TrafficProvider
from gitops_agent.errors import RenderError
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import JOB
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.selector import matches_labels
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.analysis import dispatch
from gitops_agent.rollout.coverage import similar
from gitops_agent.rollout.overlay import ResolvedPolicy, routes
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Phase, RolloutState
from gitops_agent.rollout.traffic.router import Match, Mirror
from gitops_agent.rollout.version_hash import template
from gitops_agent.rollout.workload_status import replicas

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})


def refusal(
    subject: ResolvedPolicy,
    manifests: Mapping[ObjectKey, Manifest],
    *,
    stable: Mapping[ObjectKey, Manifest] | None = None,
    unknown: frozenset[GroupKind] = frozenset(),
) -> str:
    """Why a policy cannot be followed with these manifests; empty when valid.

    Args:
        subject: what the policy is about.
        manifests: what the commit declares, by key.
        stable: what the stable commit declares, by key.
        unknown: kinds the cluster does not serve (yet).
    """
    changes = (*_of_selector(subject, stable or {}, manifests), *_of_ports(subject, stable or {}, manifests))
    return "; ".join((*_refusals(subject, manifests, unknown), *changes))


def flaw(
    state: RolloutState,
    subject: ResolvedPolicy,
    manifests: Mapping[ObjectKey, Manifest],
    *,
    stable: Mapping[ObjectKey, Manifest],
    starts: bool,
) -> str:
    """What only another commit can correct.

    That is all that refuses a start, and at rest the flaws.

    Args:
        state: where the rollout stands; one under way is not judged.
        subject: what the policy is about.
        manifests: what the newest commit declares, by key.
        stable: what the stable commit declares, by key.
        starts: whether a run is about to start.
    """
    if state.running and state.phase is not Phase.PENDING:
        return ""
    return refusal(subject, manifests, stable=stable) if starts else flaws(subject, manifests)


def flaws(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest]) -> str:
    """Faults of a policy that only another commit can correct.

    It names something that is not declared, or a metric that could never be measured.
    """
    return "; ".join(_flaws(subject, manifests))


def _flaws(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest]) -> Iterator[str]:
    for metric in subject.policy.analysis.metrics:
        yield from dispatch.flaws(metric, subject.hosts)
        if metric.provider.job is None:
            continue
        job = JOB.named(subject.workload.namespace, metric.provider.job.name)
        if job not in manifests:
            hint = similar(job, [key for key in manifests if key.group_kind == JOB])
            yield f"metric {metric.name}: Job {job.name} is not declared by this application{hint}"
    if subject.policy.strategy.rolling is not None:
        return
    if subject.service not in manifests:
        services = [key for key in manifests if key.group_kind == subject.service.group_kind]
        yield f"{subject.service} is not declared by this application{similar(subject.service, services)}"
    declared = {(key.kind, key.name): key for key in routes(manifests, subject)}
    for route in subject.policy.traffic.routes:
        if (str(route.kind), route.name) not in declared:
            key = ObjectKey("", str(route.kind), subject.workload.namespace, route.name)
            hint = similar(key, [candidate for candidate in manifests if candidate.kind == key.kind])
            yield f"{route.kind} {route.name} is not declared by this application{hint}"


def _refusals(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest], unknown: frozenset[GroupKind]) -> Iterator[str]:
    workload = manifests.get(subject.workload)
    if workload is None:
        yield f"{subject.workload} is not declared by this application"
        return
    if why := _idle(workload.obj):
        yield f"{subject.workload} {why}"
    yield from _flaws(subject, manifests)
    service = manifests.get(subject.service)
    if subject.policy.strategy.rolling is not None or service is None:
        return
    selector = (service.obj.get("spec") or {}).get("selector") or {}
    if not selector or not _selected(selector, workload.obj):
        yield f"{subject.service} does not select the pods of {subject.workload}"
    for key, other in manifests.items():
        stranger = key.kind in _WORKLOADS and key != subject.workload and key.namespace == subject.workload.namespace
        if stranger and selector and _selected(selector, other.obj):
            yield f"{subject.service} selects the pods of {key} too: their traffic cannot be distinguished"
    if subject.policy.traffic.provider is TrafficProvider.SERVICE and subject.policy.strategy.canary is not None:
        yield from _of_ratio(subject, workload.obj)
    kinds = {key.group_kind for key in routes(manifests, subject)} & unknown
    yield from (f"the cluster does not know {kind}, so nothing would split the traffic" for kind in sorted(kinds))
    yield from _of_routes(subject, manifests)


def _idle(workload: Object) -> str:
    """Why a workload would never roll by itself; empty otherwise."""
    spec = workload.get("spec") or {}
    if spec.get("paused") is True:
        return "is paused in Git (spec.paused) and would never take a new version"
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return "has the update strategy OnDelete and would never take a new version by itself"
    return ""


def _of_ratio(subject: ResolvedPolicy, workload: Object) -> Iterator[str]:
    if subject.autoscaled:
        yield (
            f"{subject.workload} is scaled by an autoscaler, and behind a plain Service the numbers of pods are the share: "
            "use another traffic provider, or blueGreen"
        )
    elif replicas(workload) is None:
        yield f"{subject.workload} needs spec.replicas in Git: behind a plain Service the numbers of pods are the share"


def _of_ports(
    subject: ResolvedPolicy, stable: Mapping[ObjectKey, Manifest], target: Mapping[ObjectKey, Manifest]
) -> Iterator[str]:
    """Refuses port differences behind a plain Service, which serves both versions."""
    before, after = stable.get(subject.service), target.get(subject.service)
    plain = subject.policy.traffic.provider is TrafficProvider.SERVICE and subject.policy.strategy.rolling is None
    if not plain or before is None or after is None:
        return
    was = _targets(before.obj)
    for port, to in _targets(after.obj).items():
        if was.get(port, to) != to:
            yield (
                f"{subject.service} sends port {port} to {to} and no longer to {was[port]}, where the pods of one version do "
                "not listen: name the port in the pods, and let targetPort be that name"
            )


def _of_selector(
    subject: ResolvedPolicy, stable: Mapping[ObjectKey, Manifest], target: Mapping[ObjectKey, Manifest]
) -> Iterator[str]:
    """Refuses changes of immutable fields, unless the object may be replaced."""
    before, after = stable.get(subject.workload), target.get(subject.workload)
    if before is None or after is None or marks.annotation(after.obj, marks.REPLACE) == "on-immutable":
        return
    for name in ("selector", "serviceName"):
        if _immutable(before.obj, name) != _immutable(after.obj, name):
            yield (
                f"{subject.workload} changes spec.{name}, which cannot be changed: restore it, give the workload another name, "
                f"or set {marks.REPLACE}: on-immutable"
            )


def _immutable(workload: Object, name: str) -> object:
    """An immutable field of a workload, without its empty parts."""
    value = (workload.get("spec") or {}).get(name) or {}
    return {key: part for key, part in value.items() if part} if isinstance(value, dict) else value


def _targets(service: Object) -> dict[object, object]:
    """Where a Service sends each of its ports."""
    ports = (service.get("spec") or {}).get("ports") or ()
    return {port.get("port"): port.get("targetPort", port.get("port")) for port in ports if isinstance(port, dict)}


def _of_routes(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest]) -> Iterator[str]:
    """Every declared route must carry every share of the run."""
    here = routes(manifests, subject)
    if len(here) < len(subject.policy.traffic.routes) or subject.provider is None:
        return
    reported: set[str] = set()
    shares = [(step.share.weight, step.share.match, step.share.mirror) for step in run(subject.policy).steps]
    every: list[tuple[int, Match | None, Mirror | None]] = [*shares, (100, None, None)]
    for weight, match, mirror in every:
        try:
            subject.provider.overlay(
                [manifests[key].obj for key in here],
                service=subject.service.name,
                canary_service=canary_objects.canary_service_name(subject.service.name),
                weight=weight,
                match=match,
                mirror=mirror,
            )
        except RenderError as error:
            if str(error) not in reported:
                reported.add(str(error))
                yield str(error)


def _selected(selector: Mapping[str, object], workload: Object) -> bool:
    labels = (template(workload).get("metadata") or {}).get("labels") or {}
    return matches_labels({name: value for name, value in selector.items() if name != canary_objects.VARIANT}, labels)
