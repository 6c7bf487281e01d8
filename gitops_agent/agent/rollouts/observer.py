"""What is the case, for the machine of a rollout: from live objects, endpoints, Git and the other rollouts to one observation.

Everything here is read from what watches have told already; no request is made. An absent piece of knowledge is said to be
absent (None, not ready), never guessed, because a rollout waits for what it does not see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitops_agent.agent.stores.endpoint_slices import EndpointSliceStore
from gitops_agent.api.rollout_policy import TrafficProvider
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, read
from gitops_agent.rollout.compose import retains
from gitops_agent.rollout.observation import Measurement, Observation, Routing, WorkloadStatus
from gitops_agent.rollout.overlay import BEFORE, ResolvedPolicy
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import Phase, RolloutState, Version
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.rollout.workload_status import labelled, max_unavailable, pods, replicas, selects
from gitops_agent.sync import object_options
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.live.live_state import LiveState

_CONFIGURATION = frozenset({"ConfigMap", "Secret"})
_VARIANTS = frozenset({GroupKind("apps", "Deployment"), GroupKind("", "Service")})


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutContext:
    """One rollout of an application at this moment.

    Attributes:
        key: of the policy.
        raw: the live policy.
        subject: what the policy of the run (or the present one) is about.
        state: where it stands.
        head: what Git says now; None when it cannot be said, or should not be followed.
        stable: the manifests of the stable commit, by key.
        target: those of the commit under way, by key; of the stable one while there is none.
        replicas: what each side may have now; what the state asks for where None.
        routes: what carries the traffic in the desired state.
        lost: the version of a canary that is there though no state speaks of it.
        gate: why a run may not start.
        measurements: those that ended lately.
    """

    key: ObjectKey
    raw: Object
    subject: ResolvedPolicy
    state: RolloutState
    head: Version | None
    stable: Mapping[ObjectKey, Manifest]
    target: Mapping[ObjectKey, Manifest]
    replicas: Replicas | None = None
    routes: tuple[ObjectKey, ...] = ()
    lost: Version | None = None
    gate: str = ""
    measurements: tuple[Measurement, ...] = ()

    @property
    def rolling(self) -> bool:
        """Whether there is no second Deployment."""
        return self.subject.policy.strategy.rolling is not None

    @property
    def waits(self) -> bool:
        """Whether others of the same commit wait for it at their Cut."""
        return not self.rolling and self.state.early

    @property
    def canary(self) -> ObjectKey | None:
        """The second Deployment of the state's target, or the one that was left without a state."""
        target = self.state.target or self.lost
        if self.rolling or target is None:
            return None
        workload = self.subject.workload
        return ObjectKey("apps", "Deployment", workload.namespace, canary_objects.canary_name(workload.name, target.hash))

    @property
    def baseline(self) -> ObjectKey | None:
        """The third Deployment, of the stable version."""
        stable, workload = self.state.stable, self.subject.workload
        if self.rolling or stable is None:
            return None
        return ObjectKey("apps", "Deployment", workload.namespace, canary_objects.baseline_name(workload.name, stable.hash))

    @property
    def canary_service(self) -> ObjectKey:
        """The Service of the canary."""
        service = self.subject.service
        return replace(service, name=canary_objects.canary_service_name(service.name))

    @property
    def kinds(self) -> frozenset[GroupKind]:
        """The kinds without which nothing can be said about it."""
        kinds = {self.subject.workload.group_kind}
        return frozenset(kinds if self.rolling else kinds | _VARIANTS)

    @property
    def pinned(self) -> frozenset[ObjectKey]:
        """The live objects that are looked at as a whole."""
        keys = {self.subject.workload, *self.routes}
        if not self.rolling:
            keys.add(self.subject.service)
        keys |= {key for key in (self.canary, self.baseline) if key is not None}
        return frozenset(keys)


class RolloutObserver:
    """See the module's text.

    Args:
        live: the live objects.
        endpoints: the ready addresses of the Services.
        clock: monotonic seconds.
    """

    def __init__(self, live: LiveState, endpoints: EndpointSliceStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._live, self._endpoints, self._clock = live, endpoints, clock
        self._settling: dict[ObjectKey, tuple[object, float]] = {}

    def survey(self, course: RolloutContext, courses: Sequence[RolloutContext], mine: Iterable[LiveObject]) -> Observation:
        """The observation.

        Args:
            course: the rollout.
            courses: every rollout of the application, this one too.
            mine: every live object of the application.
        """
        subject = course.subject
        primary = self._pods(subject.workload)
        made = [one for one in mine if one.rollout == subject.workload.name]
        names = {course.canary, course.baseline if course.state.baseline else None, *self._copies(course)}
        service = course.canary_service
        return Observation(
            head=course.head,
            primary=primary,
            canary=self._pods(course.canary) if course.canary is not None else None,
            baseline=self._pods(course.baseline) if course.baseline is not None else None,
            replicas=self._replicas(course, primary),
            max_unavailable=self._missing(course, primary),
            endpoints=0 if course.rolling else self._endpoints.ready(service),
            reachable=0 if course.rolling else self._endpoints.ready(subject.service),
            canary_service=not course.rolling and self._live.get(service) is not None,
            configs=any(one.key.kind in _CONFIGURATION and one.key in names for one in made),
            # What is on its way out is still there: a run has ended when nothing of it is.
            leftovers=any(one.key not in {service, *course.routes} and (one.deleting or one.key not in names) for one in made),
            lost=course.lost,
            routing=self._routing(course),
            added=all(self._applied(one) for one in self._added(course)),
            applied=self._rest(course, courses),
            labelled=self._labelled(course, primary),
            selected=course.rolling or selects(self._raw(subject.service) or {}) == canary_objects.PRIMARY,
            gate=course.gate or _turn(course, courses),
            barrier=not any(other.waits and _together(course, other) for other in courses if other is not course),
            measurements=course.measurements,
            commands=tuple(_commands(course, courses)),
        )

    def unseen(self, courses: Iterable[RolloutContext]) -> str:
        """What nobody has looked at since the start and a rollout stands on, in words; empty when all is known.

        Right after a start what is not known yet looks as if it were not there, and a canary that is not there loses its
        traffic.
        """
        behind = [course for course in courses if not course.rolling]
        if behind and not self._endpoints.listed:
            return "the endpoints are being listed"
        return next((f"{kind} cannot be seen" for course in courses for kind in course.kinds if self._blind(kind)), "")

    def _blind(self, kind: GroupKind) -> bool:
        return kind in self._live.cannot_see

    def settle_seconds(self, course: RolloutContext) -> float | None:
        """Seconds until the routes count as taken up; None while they are not waited for."""
        known = self._settling.get(course.key)
        return None if known is None else max(0.0, known[1] + self._settle(course) - self._clock())

    def adopted(self, subject: ResolvedPolicy) -> bool:
        """Whether the live workload and Service carry the labels of the stable side already."""
        workload, service = self._raw(subject.workload), self._raw(subject.service)
        return (
            workload is not None and service is not None and labelled(workload) and selects(service) == canary_objects.PRIMARY
        )

    def labelled(self, subject: ResolvedPolicy) -> bool:
        """Whether the live workload gives its pods the label of the stable side."""
        raw = self._raw(subject.workload)
        return raw is not None and labelled(raw)

    def forget(self, policy: ObjectKey) -> None:
        """Drops what is remembered of a policy."""
        self._settling.pop(policy, None)

    def _raw(self, key: ObjectKey) -> Object | None:
        live = self._live.get(key)
        return None if live is None or live.deleting else live.evidence

    def _pods(self, key: ObjectKey) -> WorkloadStatus | None:
        raw = self._raw(key)
        return None if raw is None else pods(raw)

    def _replicas(self, course: RolloutContext, primary: WorkloadStatus | None) -> int:
        """What the workload should have: its live replicas, or Git's where we scaled it ourselves."""
        declared = course.stable.get(course.subject.workload) or course.target.get(course.subject.workload)
        wanted = replicas(declared.obj) if declared is not None else None
        if wanted is not None and not course.subject.autoscaled:
            return wanted
        return primary.replicas if primary is not None else 1

    def _missing(self, course: RolloutContext, primary: WorkloadStatus | None) -> int:
        declared = course.stable.get(course.subject.workload) or course.target.get(course.subject.workload)
        return max_unavailable(declared.obj, self._replicas(course, primary)) if declared is not None else 0

    def _labelled(self, course: RolloutContext, primary: WorkloadStatus | None) -> bool:
        raw = self._raw(course.subject.workload)
        return course.rolling or (raw is not None and labelled(raw) and primary is not None and primary.replaced)

    def _copies(self, course: RolloutContext) -> Iterable[ObjectKey]:
        state, workload = course.state, course.target.get(course.subject.workload)
        if state.target is None or workload is None:
            return ()
        stable = {key: one.obj for key, one in course.stable.items()}
        target = {key: one.obj for key, one in course.target.items()}
        made = canary_objects.copies(workload.obj, version=state.target.hash, stable=stable, target=target)
        return tuple(ObjectKey.of(obj) for obj in made)

    def _routing(self, course: RolloutContext) -> Routing | None:
        """What the live routes say about the wanted share, and only after they had time to be taken up."""
        state, subject = course.state, course.subject
        if not state.running or state.target is None:
            self._settling.pop(course.key, None)
            return None
        share = state.traffic.want
        if subject.provider is None or course.rolling:
            return Routing(share=share, verdict=Verdict.READY)
        plain = subject.policy.traffic.provider is TrafficProvider.SERVICE
        live = (
            self._endpoints.slices((subject.service, course.canary_service))
            if plain
            else tuple(raw for key in course.routes if (raw := self._raw(key)) is not None)
        )
        found = subject.provider.verify(
            live,
            service=subject.service.name,
            canary_service=course.canary_service.name,
            weight=share.weight,
            match=share.match,
            mirror=share.mirror,
        )
        if found.verdict is not Verdict.READY:
            self._settling.pop(course.key, None)
            return Routing(share=share, verdict=found.verdict, reason=found.reason)
        known = self._settling.get(course.key)
        if known is None or known[0] != share:
            known = self._settling[course.key] = (share, self._clock())
        if self._clock() - known[1] < self._settle(course):
            return Routing(share=share, verdict=Verdict.NOT_YET, reason="the routes are given time to take effect")
        return Routing(share=share, verdict=Verdict.READY)

    @staticmethod
    def _settle(course: RolloutContext) -> float:
        return CAPABILITIES[str(course.subject.policy.traffic.provider)].settle_seconds

    @staticmethod
    def _added(course: RolloutContext) -> Iterable[Manifest]:
        for key, one in course.target.items():
            known = course.stable.get(key)
            if known is None or (known.digest != one.digest and marks.annotation(one.obj, BEFORE) == "true"):
                yield one

    def _rest(self, course: RolloutContext, courses: Sequence[RolloutContext]) -> Version | None:
        """The version everything else was applied with; the one that is wanted where both are the same."""
        state = course.state
        first, second = (state.stable, course.stable), (state.target, course.target)
        if state.running and not retains(state):
            first, second = second, first
        for version, manifests in (first, second):
            if version is not None and all(self._applied(one) for key, one in manifests.items() if _shared(courses, key)):
                return version
        return None

    def _applied(self, manifest: Manifest) -> bool:
        live = self._live.get(manifest.key)
        if live is None or live.deleting:
            return False
        return live.digest == manifest.digest or object_options.read(manifest.obj)[0].create_only


def _shared(courses: Sequence[RolloutContext], key: ObjectKey) -> bool:
    """Whether an object is nobody's own: no rollout's, and no autoscaler that is kept steady meanwhile."""
    own = any(key in {one.subject.workload, one.subject.service, *one.routes} for one in courses)
    return not own and key.kind not in ("HorizontalPodAutoscaler", "ScaledObject")


def _together(course: RolloutContext, other: RolloutContext) -> bool:
    """Whether two rollouts are about the same commit."""
    mine, theirs = course.state.target, other.state.target
    return mine is not None and theirs is not None and mine.commit == theirs.commit


def _turn(course: RolloutContext, courses: Sequence[RolloutContext]) -> str:
    """A workload that changes in place waits for those that can still be taken back by a switch."""
    if not course.rolling or course.state.phase is not Phase.PENDING:
        return ""
    ahead = [
        other.subject.workload
        for other in courses
        if other is not course and not other.rolling and _together(course, other) and (other.state.early or other.state.cutting)
    ]
    return f"{ahead[0]} goes first" if ahead else ""


def _commands(course: RolloutContext, courses: Sequence[RolloutContext]) -> Iterable[Command]:
    """What people ask, and the end of a commit that failed for another workload of the same application."""
    asked = read(marks.annotation(course.raw, COMMAND))
    if asked is not None:
        yield asked
    target = course.state.target
    for other in courses:
        if other is course or target is None:
            continue
        failed = next((one for one in other.state.rejected if one.commit == target.commit), None)
        if failed is not None:
            name = other.subject.workload.name
            nonce = f"{name}/{failed.at.isoformat()}"
            yield Command(order=CommandKind.ABORT, nonce=nonce, hash=target.hash, actor=f"the rollout of {name}")
