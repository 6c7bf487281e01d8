"""Live objects, pods and routes of the model cluster, over time.

It also has what the agent may see of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import ROLLOUT, annotation
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.command import Command
from gitops_agent.rollout.observation import Answer, Measurement, Observation, Routing, WorkloadStatus
from gitops_agent.rollout.overlay import adapted, commit_of_run
from gitops_agent.rollout.replica_counts import FULL, ceil_div
from gitops_agent.rollout.run_plan import RunPlan, load_policy, run
from gitops_agent.rollout.state import Phase, RolloutState, Share, Version
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.rollout.traffic.service import wanted_counts
from gitops_agent.rollout.workload_status import labelled, selects
from gitops_agent.rollout.workload_status import version as version_of
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.live.live_object import LiveObject
from tests.rollout.release import (
    REST,
    ROUTE,
    SETTINGS,
    V1,
    WEB,
    carried,
    carrying,
    copies,
    former,
    named,
    release,
    subject,
    version,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = AppKey("shop", "shop")
_HEALTHY = Health(status=Status.HEALTHY)


@dataclass(frozen=True, slots=True)
class Live:
    """A live object, and what the agent remembers of it.

    The digest of its content stands for the projection.
    """

    obj: Object
    seen: LiveObject


@dataclass
class World:
    """What is live, what Git says, and what the machine wrote down.

    Attributes:
        replicas: pods the load needs; what Git says, or what the autoscaler goes for.
        autoscaled: an autoscaler decides the workload's replicas.
        lag: ticks in which no pod comes up.
        uptake: ticks a route takes to be in force after it was written.
        behind: ticks of that which are left.
        unlisted: pods of each side that are available and no endpoints of their Service yet.
        pace: pods of each side that come up in a tick; all of them where 0.
        linger: ticks for which pods of the workload that go are endpoints still.
        going: the ticks that are left to each such pod.
        refused: the controller of the routes does not accept them.
        decided_for: the replicas when the state was written last.
        unacceptable: hashes of versions whose second Deployment the API server refuses.
        gate: why a run may not start.
        corrected: the rollouts whose failure rejected versions of this one, corrected since.
        barrier: the other workloads of the run have come to their Cut.
        sent: the share the agent wrote last.
        order: picks among the writes that may be done next; the plan's own order when None.
        log: what was written in the last turn: "state", then the keys of objects.
    """

    policy: RolloutPolicySpec
    replicas: int = 4
    max_unavailable: int = 1
    autoscaled: bool = False
    now: datetime = START
    head: Version = V1
    state: RolloutState = field(default_factory=RolloutState)
    primary_pods: int = 4
    primary_up: int = 4
    settled: bool = True
    canary_pods: int = 0
    canary_up: int = 0
    baseline_pods: int = 0
    baseline_up: int = 0
    sent: Share = field(default_factory=Share)
    zero_since: datetime = START
    full_since: datetime = START
    lag: int = 0
    uptake: int = 0
    behind: int = 0
    unlisted: int = 0
    pace: int = 0
    linger: int = 0
    going: tuple[int, ...] = ()
    refused: bool = False
    stays: bool = False
    unacceptable: frozenset[str] = frozenset()
    gate: str = ""
    barrier: bool = True
    corrected: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    cause: str = ""
    stuck: bool = False
    order: Random | None = None
    commands: list[Command] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    answer: Answer = Answer.SUCCESS
    faults: list[str] = field(default_factory=list)
    persisted: int = 0
    decided_for: int = 0
    log: list[object] = field(default_factory=list)
    live: dict[ObjectKey, Live] = field(default_factory=dict)
    baselines: dict[ObjectKey, tuple[str, str]] = field(default_factory=dict)
    met: tuple[object, object] = (None, None)

    def __post_init__(self) -> None:
        """Creates the objects of the first version, before there is a policy."""
        for manifest in release(V1, self._declared):
            self._put(manifest.key, manifest.obj, manifest.digest)

    # What lives

    @property
    def _declared(self) -> int | None:
        return None if self.autoscaled else self.replicas

    @property
    def wanted(self) -> int:
        """Pods the workload should have now."""
        return self.primary_pods if self.autoscaled else self.replicas

    @property
    def running(self) -> RunPlan:
        return run(self.followed)

    @property
    def followed(self) -> RolloutPolicySpec:
        """The policy of the run; one that waits follows the present one."""
        fixed = self.state.plan is not None and self.state.phase is not Phase.PENDING
        return load_policy(self.state.plan or {}) if fixed else self.policy

    @property
    def primary(self) -> Version:
        return self._version(self.live[WEB].obj)

    @property
    def canary(self) -> Version | None:
        variants = self._variants(canary_objects.CANARY)
        return self._version(variants[0].obj) if variants else None

    @property
    def baseline(self) -> Version | None:
        variants = self._variants(canary_objects.BASELINE)
        return self._version(variants[0].obj) if variants else None

    @property
    def service(self) -> bool:
        return any(key.kind == "Service" and key.name.endswith("-canary") for key in self.live)

    @property
    def rest(self) -> Version:
        data = self.live[REST].obj["data"]
        return Version(commit=data["commit"], hash=data["hash"])

    @property
    def labelled(self) -> bool:
        return labelled(self.live[WEB].obj) and self.settled

    @property
    def selected(self) -> bool:
        return self.side == canary_objects.PRIMARY

    @property
    def side(self) -> str | None:
        """The side that the Service selects; None for both."""
        there = self.live.get(self.services[0])
        return selects(there.obj) or None if there else None

    @property
    def services(self) -> tuple[ObjectKey, ObjectKey]:
        """The Service of the run or policy, and that of its canary."""
        name = self.followed.service or ""
        return named("Service", name), named("Service", f"{name}-canary")

    @property
    def share(self) -> Share:
        """The share that the live routes send to the canary.

        Behind a plain Service that selects both sides it is the desired share.
        """
        if not self.running.plain and self.running.steps:
            return carried(self.live[ROUTE].obj)
        if self.side == canary_objects.CANARY:
            return Share(weight=FULL)
        if self.side == canary_objects.PRIMARY or not self.canary_pods:
            return Share()
        want = self.state.traffic.want
        return want if 0 < want.weight < FULL else Share(weight=FULL // 2)

    @share.setter
    def share(self, share: Share) -> None:
        """By hand, past the agent."""
        if not self.running.plain:
            self._by_hand(ROUTE, carrying(self.live[ROUTE].obj, share))
            return
        key = self.services[0]
        obj = self.live[key].obj
        side = {0: {canary_objects.VARIANT: canary_objects.PRIMARY}, FULL: {canary_objects.VARIANT: canary_objects.CANARY}}.get(
            share.weight, {}
        )
        self._by_hand(key, {**obj, "spec": {**obj["spec"], "selector": {"app": "web", **side}}})

    @staticmethod
    def _version(workload: Object) -> Version:
        known = version_of(workload)
        number = workload["spec"]["template"]["spec"]["containers"][0]["image"].partition(":")[2]
        return known or version(int(number, 16))

    def _variants(self, side: str) -> list[Live]:
        deployments = [live for key, live in self.live.items() if key.kind == "Deployment"]
        return [live for live in deployments if (live.obj["metadata"].get("labels") or {}).get(canary_objects.VARIANT) == side]

    def _put(self, key: ObjectKey, obj: Object, declared: str | None) -> None:
        """Stores an object; with `declared`, as the response to its apply."""
        known = self.live.get(key)
        content = declared or digest(obj)
        self.live[key] = Live(
            obj,
            LiveObject(
                key=key,
                uid=known.seen.uid if known else f"uid of {key}",
                owner=SHOP,
                digest=declared or (known.seen.digest if known else None),
                projection=content,
                health=_HEALTHY,
                rollout=annotation(obj, ROLLOUT) or "",
            ),
        )
        if declared:
            self.baselines[key] = (declared, declared)
        self.met = (None, None)

    def _by_hand(self, key: ObjectKey, obj: Object) -> None:
        before = self.share
        self._put(key, obj, None)
        self._moved(before)

    def _fault(self, version: Version | None) -> dict[str, Any]:
        """The fault of a broken version, by its pods or its controller."""
        if version is None or version.hash not in self.broken:
            return {}
        return {"cause": self.cause} if self.cause else {"failed": "crash loop"}

    def observe(self) -> Observation:
        self.measurements = [measurement for measurement in self.measurements if measurement.at <= self.now]
        state, primary = self.state, self.live[WEB].obj
        here = self._version(primary)
        bad = here.hash in self.broken
        lost = self.canary if state.stable is None else None
        target = state.target or lost
        steps = bool(self.running.steps)
        seen_canary = None
        if steps and target is not None and named("Deployment", canary_objects.canary_name("web", target.hash)) in self.live:
            fault = self._fault(target)
            seen_canary = WorkloadStatus(version=target, replicas=self.canary_pods, available=self.canary_up, **fault)
        made, names = self._made(), self._names(target)
        return Observation(
            head=self._newest(),
            primary=WorkloadStatus(
                version=version_of(primary),
                replicas=self.primary_pods,
                available=self.primary_up,
                complete=self.settled and not bad and self.primary_up >= self.primary_pods,
                replaced=self.settled,
                **self._fault(here),
            ),
            canary=seen_canary,
            baseline=self._baseline() if steps else None,
            replicas=self.wanted,
            autoscaled=self.autoscaled,
            max_unavailable=self.max_unavailable,
            endpoints=self.endpoints if steps else 0,
            reachable=sum(self._sides()),
            service=not steps or self.services[0] in self.live,
            canary_service=steps and self.services[1] in self.live,
            configs=any(key.kind == "ConfigMap" and key in names for key in made),
            leftovers=bool(self.leftovers),
            lost=lost,
            former=former(self.live) if state.stable is None and steps else "",
            routing=self._routing(),
            added=self._added(),
            applied=self._applied(),
            labelled=not steps or (self.labelled and not (self.stays and bad)),
            selected=not steps or self.selected,
            alone=steps and self.side == canary_objects.CANARY,
            gate=self.gate,
            barrier=self.barrier,
            corrected=self.corrected,
            measurements=tuple(self.measurements[-40:]),
            commands=tuple(self.commands[-8:]),
        )

    def _newest(self) -> Version:
        """What Git says, or the target where Git lost its run."""
        both = {manifest.key for commit in (self.state.stable or V1, self.head) for manifest in release(commit, None)}
        return commit_of_run(self.state, self.head, both, subject(self.followed, autoscaled=self.autoscaled))

    def _made(self) -> list[ObjectKey]:
        return [key for key, live in self.live.items() if live.seen.rollout]

    @property
    def leftovers(self) -> list[ObjectKey]:
        """Objects of any other run than the one under way."""
        names = self._names(self.state.target or (self.canary if self.state.stable is None else None))
        return [key for key in self._made() if key not in names and key not in {*self.services, ROUTE}]

    @property
    def endpoints(self) -> int:
        """Ready endpoints of the canary's Service."""
        return max(self.canary_up - self.unlisted, 0) if self.services[1] in self.live else 0

    def _names(self, target: Version | None) -> frozenset[ObjectKey]:
        """What the run under way makes, as far as its state says."""
        state = self.state
        names = set[ObjectKey]()
        if target is not None:
            names.add(named("Deployment", canary_objects.canary_name("web", target.hash)))
            names |= copies(state.stable or V1, target, self._declared) if state.target is not None else set()
        if state.stable is not None and state.baseline:
            names.add(named("Deployment", canary_objects.baseline_name("web", state.stable.hash)))
        return frozenset(names)

    def _baseline(self) -> WorkloadStatus | None:
        known = self.baseline
        if known is None or self.state.stable is None or known.hash != self.state.stable.hash:
            return None
        return WorkloadStatus(version=known, replicas=self.baseline_pods, available=self.baseline_up)

    def _routing(self) -> Routing | None:
        want = self.state.traffic.want
        if not self.state.running or self.state.target is None:
            return None
        return Routing(share=want, verdict=self._verdict(want) if self.running.steps else Verdict.READY)

    def _verdict(self, want: Share) -> Verdict:
        if self.running.plain:
            stable, endpoints = self._sides()
            total = stable + endpoints
            taken = bool(total) and endpoints in wanted_counts(total, want.weight)
        else:
            taken = self.share == want
        if self.refused and (taken or self.running.plain):
            return Verdict.ERROR
        return Verdict.READY if taken and not self.behind else Verdict.NOT_YET

    def _sides(self) -> tuple[int, int]:
        """Endpoints of the Service: of the workload, and of the canary."""
        stable, second = max(self.primary_up - self.unlisted, 0) + len(self.going), max(self.canary_up - self.unlisted, 0)
        if self.services[0] not in self.live:
            return 0, 0
        if not self.running.plain:
            return stable, 0
        side = self.side
        return stable if side != canary_objects.CANARY else 0, second if side != canary_objects.PRIMARY else 0

    def _added(self) -> bool:
        state = self.state
        if state.target is None or not state.running:
            return True
        before = {manifest.key for manifest in release(state.stable or V1, self._declared)}
        about = subject(self.followed, autoscaled=self.autoscaled)
        new = [manifest for manifest in release(state.target, self._declared) if manifest.key not in before]
        return all(added.key in self.live if adapted(added, about) else self._is(added.key, added.digest) for added in new)

    def _applied(self) -> Version | None:
        state = self.state
        both = [state.stable, state.target if state.running else None]
        for candidate in reversed(both) if state.rolled else both:
            if candidate is not None and all(
                self._is(made.key, made.digest)
                for made in release(candidate, self._declared)
                if made.key in {SETTINGS, named("ConfigMap", f"own-{candidate.hash}")}
            ):
                return candidate
        return None

    def _is(self, key: ObjectKey, declared: str) -> bool:
        live = self.live.get(key)
        return live is not None and live.seen.digest == declared

    def _moved(self, before: Share) -> None:
        """Another share is on its way into force."""
        if self.share.none and not before.none:
            self.zero_since = self.now
        if self.share.weight == FULL and before.weight != FULL:
            self.full_since = self.now
        self.behind = self.uptake

    def tick(self, seconds: float = 0) -> None:
        """Lets time pass: routes take effect, sound pods start, the workload rolls."""
        self.now += timedelta(seconds=seconds)
        self.going = tuple(left - 1 for left in self.going if left > 1)
        if self.behind:
            self.behind -= 1
            if not self.behind:
                self.zero_since = self.now if self.share.none else self.zero_since
                self.full_since = self.now if self.share.weight == FULL else self.full_since
        if self.lag:
            self.lag -= 1
            return
        canary = self.canary
        if canary is not None:
            self.canary_up = (
                0 if canary.hash in self.broken else min(self.canary_up + (self.pace or self.canary_pods), self.canary_pods)
            )
        if not self.stuck:
            self.baseline_up = self.baseline_pods
        if self.primary.hash in self.broken:
            self.primary_up = min(self.primary_up, max(self.primary_pods - self.max_unavailable, 0))
            self.settled = self.settled or not self.stays
        else:
            self.primary_up, self.settled = min(self.primary_up + (self.pace or self.primary_pods), self.primary_pods), True
        if self.autoscaled:
            self._autoscale()

    def _autoscale(self) -> None:
        """Scales the workload to its share of the load."""
        spec = self.live[named("HorizontalPodAutoscaler", "web")].obj["spec"]
        needed = max(ceil_div(self.replicas * (FULL - self.share.weight), FULL), 1)
        if needed < self.primary_pods and (spec.get("behavior") or {}).get("scaleDown") == {"selectPolicy": "Disabled"}:
            return
        if needed < self.replicas and needed < self.primary_pods:
            self.faults.append(f"the autoscaler took pods away during a run ({self.state.phase} {self.state.stage})")
        self.primary_pods, self.primary_up = needed, min(self.primary_up, needed)
