"""Observes the cluster for one step of a rollout.

Problem: a rollout that guesses takes traffic from a healthy canary. Decision: everything is read from watch-fed stores, no
request is made, and what is unknown is reported as absent or not ready, because a rollout waits for what it does not see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.shared_configuration import Keeper, keeper
from gitops_agent.agent.stores.endpoint_slices import EndpointSliceStore
from gitops_agent.api.rollout_policy import TrafficProvider
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, read
from gitops_agent.rollout.held_objects import Commits, bound
from gitops_agent.rollout.observation import Observation, Routing, WorkloadStatus
from gitops_agent.rollout.overlay import ResolvedPolicy, adapted
from gitops_agent.rollout.state import Phase, Version
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.rollout.workload_status import labelled, max_unavailable, pods, replicas, selects
from gitops_agent.sync import object_options
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.live.live_state import LiveState

_CONFIGURATION = frozenset({"ConfigMap", "Secret"})


class RolloutObserver:
    """Builds observations from the watch-fed stores.

    Args:
        live: the live objects.
        endpoints: the ready addresses of the Services.
        clock: monotonic seconds.
    """

    def __init__(self, live: LiveState, endpoints: EndpointSliceStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._live, self._endpoints, self._clock = live, endpoints, clock
        self._settling: dict[ObjectKey, tuple[object, float]] = {}

    def survey(self, rollout: RolloutContext, rollouts: Sequence[RolloutContext], mine: Collection[LiveObject]) -> Observation:
        """The observation of one rollout.

        Args:
            rollout: the one to observe.
            rollouts: all of the application, this one included.
            mine: every live object of the application.
        """
        subject = rollout.subject
        primary = self._pods(subject.workload)
        owned = [live for live in mine if live.rollout == subject.workload.name]
        names = {rollout.canary, rollout.baseline if rollout.state.baseline else None, *self._copies(rollout)}
        service, kept = rollout.canary_service, keeper(rollout, rollouts)
        return Observation(
            head=rollout.head,
            primary=primary,
            canary=self._pods(rollout.canary) if rollout.canary is not None else None,
            baseline=self._pods(rollout.baseline) if rollout.baseline is not None else None,
            replicas=self._replicas(rollout, primary),
            autoscaled=subject.autoscaled,
            max_unavailable=self._missing(rollout, primary),
            endpoints=0 if rollout.rolling else self._endpoints.ready(service),
            reachable=0 if rollout.rolling else self._endpoints.ready(subject.service),
            service=rollout.rolling or self._live.get(subject.service) is not None,
            canary_service=not rollout.rolling and self._live.get(service) is not None,
            configs=any(live.key.kind in _CONFIGURATION and live.key in names for live in owned),
            # An object under deletion still exists: a run ends when none of its objects does.
            leftovers=any(
                live.key not in {service, *rollout.routes} and (live.deleting or live.key not in names) for live in owned
            ),
            lost=rollout.lost,
            former=_former(rollout, mine),
            routing=self._routing(rollout),
            added=all(self._there(manifest, subject) for manifest in self._added(rollout)),
            applied=self._bound(rollout),
            labelled=self._labelled(rollout, primary),
            selected=rollout.rolling or selects(self._raw(subject.service) or {}) == canary_objects.PRIMARY,
            alone=not rollout.rolling and selects(self._raw(subject.service) or {}) == canary_objects.CANARY,
            gate=rollout.gate or _turn(rollout, rollouts) or ("" if kept is None else kept.reason),
            barrier=not any(other.waits and _together(rollout, other) for other in rollouts if other is not rollout),
            corrected=_corrected(rollout, rollouts),
            measurements=rollout.measurements,
            commands=(*_commands(rollout, rollouts), *_given_up(rollout, kept)),
        )

    def unseen(self, rollouts: Iterable[RolloutContext]) -> str:
        """What the rollouts need that no list has shown since the start.

        Empty when all is known.
        Right after a start an object that was not listed yet looks absent, and an absent canary loses its traffic.
        """
        behind = [rollout for rollout in rollouts if not rollout.rolling]
        if behind and not self._endpoints.listed:
            return "the endpoints are being listed"
        return next((f"{kind} cannot be seen" for rollout in rollouts for kind in rollout.kinds if self._blind(kind)), "")

    def _blind(self, kind: GroupKind) -> bool:
        return kind in self._live.cannot_see

    def settle_seconds(self, rollout: RolloutContext) -> float | None:
        """Seconds until the routes count as effective; None without a wait."""
        settling = self._settling.get(rollout.key)
        return None if settling is None else max(0.0, settling[1] + self._settle(rollout) - self._clock())

    def adopted(self, subject: ResolvedPolicy) -> bool:
        """Whether the live workload and Service are labelled as the stable side."""
        workload, service = self._raw(subject.workload), self._raw(subject.service)
        return (
            workload is not None and service is not None and labelled(workload) and selects(service) == canary_objects.PRIMARY
        )

    def labelled(self, subject: ResolvedPolicy) -> bool:
        """Whether the live pod template carries the label of the stable side."""
        raw = self._raw(subject.workload)
        return raw is not None and labelled(raw)

    def forget(self, policy: ObjectKey) -> None:
        """Drops the memory of a policy."""
        self._settling.pop(policy, None)

    def _raw(self, key: ObjectKey) -> Object | None:
        live = self._live.get(key)
        return None if live is None or live.deleting else live.evidence

    def _pods(self, key: ObjectKey) -> WorkloadStatus | None:
        raw = self._raw(key)
        return None if raw is None else pods(raw)

    def _replicas(self, rollout: RolloutContext, primary: WorkloadStatus | None) -> int:
        """Desired replicas: those in Git, or the live ones with an autoscaler."""
        declared = _declared(rollout)
        desired = replicas(declared.obj) if declared is not None else None
        if desired is not None and not rollout.subject.autoscaled:
            return desired
        return primary.replicas if primary is not None else 1

    def _missing(self, rollout: RolloutContext, primary: WorkloadStatus | None) -> int:
        held = rollout.stable.get(rollout.subject.workload) or rollout.target.get(rollout.subject.workload)
        return max_unavailable(held.obj, self._replicas(rollout, primary)) if held is not None else 0

    def _labelled(self, rollout: RolloutContext, primary: WorkloadStatus | None) -> bool:
        raw = self._raw(rollout.subject.workload)
        return rollout.rolling or (raw is not None and labelled(raw) and primary is not None and primary.replaced)

    def _copies(self, rollout: RolloutContext) -> Iterable[ObjectKey]:
        state, workload = rollout.state, rollout.target.get(rollout.subject.workload)
        if state.target is None or workload is None:
            return ()
        stable = {key: manifest.obj for key, manifest in rollout.stable.items()}
        target = {key: manifest.obj for key, manifest in rollout.target.items()}
        copies = canary_objects.copies(workload.obj, version=state.target.hash, stable=stable, target=target)
        return tuple(ObjectKey.of(obj) for obj in copies)

    def _routing(self, rollout: RolloutContext) -> Routing | None:
        """Verdict on the live routes, once they had time to take effect."""
        state, subject = rollout.state, rollout.subject
        if not state.running or state.target is None:
            self._settling.pop(rollout.key, None)
            return None
        share = state.traffic.want
        if subject.provider is None or rollout.rolling:
            return Routing(share=share, verdict=Verdict.READY)
        plain = subject.policy.traffic.provider is TrafficProvider.SERVICE
        live = (
            self._endpoints.slices((subject.service, rollout.canary_service))
            if plain
            else tuple(raw for key in rollout.routes if (raw := self._raw(key)) is not None)
        )
        verification = subject.provider.verify(
            live,
            service=subject.service.name,
            canary_service=rollout.canary_service.name,
            weight=share.weight,
            match=share.match,
            mirror=share.mirror,
        )
        if verification.verdict is not Verdict.READY:
            self._settling.pop(rollout.key, None)
            return Routing(share=share, verdict=verification.verdict, reason=verification.reason)
        settling = self._settling.get(rollout.key)
        if settling is None or settling[0] != share:
            # What the state knows to be in force had its time before a restart of the agent.
            since = self._clock() - (self._settle(rollout) if state.traffic.verified else 0.0)
            settling = self._settling[rollout.key] = (share, since)
        if self._clock() - settling[1] < self._settle(rollout):
            return Routing(share=share, verdict=Verdict.NOT_YET, reason="the routes are given time to take effect")
        return Routing(share=share, verdict=Verdict.READY)

    @staticmethod
    def _settle(rollout: RolloutContext) -> float:
        return CAPABILITIES[str(rollout.subject.policy.traffic.provider)].settle_seconds

    @staticmethod
    def _added(rollout: RolloutContext) -> Iterable[Manifest]:
        for key, manifest in rollout.target.items():
            stable = rollout.stable.get(key)
            early = marks.annotation(manifest.obj, marks.APPLY_BEFORE_ROLLOUT) == "true"
            if stable is None or (early and stable.digest != manifest.digest):
                yield manifest

    def _bound(self, rollout: RolloutContext) -> Version | None:
        """The version of what is held; the desired one where both match."""
        state = rollout.state
        keys = bound(state, Commits(stable=rollout.stable, target=rollout.target, newest={}), rollout.subject.workload)
        first, second = (state.stable, rollout.stable), (state.target, rollout.target)
        if state.rolled:
            first, second = second, first
        for version, manifests in (first, second):
            if version is not None and all(self._applied(manifests[key]) for key in keys if key in manifests):
                return version
        return None

    def _there(self, manifest: Manifest, subject: ResolvedPolicy) -> bool:
        """Whether an added object is applied as the rollout has it."""
        live = self._live.get(manifest.key)
        adapted_there = live is not None and not live.deleting and live.digest is not None
        return adapted_there if adapted(manifest, subject) else self._applied(manifest)

    def _applied(self, manifest: Manifest) -> bool:
        live = self._live.get(manifest.key)
        if live is None or live.deleting:
            return False
        return live.digest == manifest.digest or object_options.read(manifest.obj)[0].create_only


def _declared(rollout: RolloutContext) -> Manifest | None:
    """The workload as Git declares it now, or did."""
    workload = rollout.subject.workload
    return rollout.newest or rollout.stable.get(workload) or rollout.target.get(workload)


def _together(rollout: RolloutContext, other: RolloutContext) -> bool:
    """Whether two rollouts run for the same commit."""
    mine, theirs = rollout.state.target, other.state.target
    return mine is not None and theirs is not None and mine.commit == theirs.commit


def _former(rollout: RolloutContext, mine: Collection[LiveObject]) -> str:
    """The Service that a run without a state split."""
    if rollout.rolling or rollout.state.stable is not None:
        return ""
    services = [live for live in mine if live.key.group_kind == SERVICE]
    split = {live.key.name for live in services if live.rollout == rollout.subject.workload.name}
    names = (live.key.name for live in services if not live.rollout)
    return next((name for name in names if canary_objects.canary_service_name(name) in split), "")


def _turn(rollout: RolloutContext, rollouts: Sequence[RolloutContext]) -> str:
    """Why a rolling workload waits: others can still switch traffic back."""
    if not rollout.rolling or rollout.state.phase is not Phase.PENDING:
        return ""
    ahead = [
        other.subject.workload
        for other in rollouts
        if other is not rollout
        and not other.rolling
        and _together(rollout, other)
        and (other.state.early or other.state.cutting)
    ]
    return f"{ahead[0]} goes first" if ahead else ""


def _commands(rollout: RolloutContext, rollouts: Sequence[RolloutContext]) -> Iterable[Command]:
    """Commands of users, and the abort after a rejection by another rollout.

    That is an abort of a commit that another rollout of the application rejected.
    """
    command = read(marks.annotation(rollout.raw, COMMAND))
    if command is not None:
        yield command
    target = rollout.state.target
    for other in rollouts:
        if other is rollout or target is None:
            continue
        failed = next(
            (rejection for rejection in other.state.rejected if rejection.commit == target.commit and not rejection.together),
            None,
        )
        if failed is not None:
            name = other.subject.workload.name
            nonce = f"{name}/{failed.at.isoformat()}"
            yield Command(
                order=CommandKind.ABORT,
                nonce=nonce,
                hash=target.hash,
                actor=f"the rollout of {name}",
                rollout=_named(other.key),
            )


def _given_up(rollout: RolloutContext, kept: Keeper | None) -> Iterable[Command]:
    """The abort of a run whose configuration a rolled back rollout keeps."""
    target = rollout.state.target
    if kept is None or target is None or rollout.state.phase is Phase.PENDING:
        return
    name, failed = kept.rollout.subject.workload.name, kept.rollout.state.target
    yield Command(
        order=CommandKind.ABORT,
        nonce=f"{name}/{failed.hash if failed else ''}/{target.commit}",
        hash=target.hash,
        actor=f"the rollout of {name}, which needs {kept.key} as it was",
        rollout=_named(kept.rollout.key),
    )


def _corrected(rollout: RolloutContext, rollouts: Sequence[RolloutContext]) -> frozenset[str]:
    """The rollouts whose failure rejected versions of this one, corrected since.

    Git declares a version of theirs that was not rejected, or no rollout any more.
    """
    others = {_named(other.key): other for other in rollouts}
    failed = {entry.together for entry in rollout.state.rejected if entry.together}
    return frozenset(name for name in failed if name not in others or _sound(others[name]))


def _sound(rollout: RolloutContext) -> bool:
    """Whether Git declares a version that was not rejected."""
    return rollout.head is not None and not rollout.state.rejects(rollout.head)


def _named(policy: ObjectKey) -> str:
    return f"{policy.namespace}/{policy.name}"
