"""A small cluster for rollouts: it takes the machine's actions, tells what is the case, and notes each broken invariant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout import actions as do
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.machine import step
from gitops_agent.rollout.observation import Answer, Measurement, Observation, Routing, WorkloadStatus
from gitops_agent.rollout.replica_counts import ceil_div
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Adoption, RolloutState, Share, Version
from gitops_agent.rollout.traffic.router import Verdict
from tests.rollout.policies import canary

FULL = 100
START = datetime(2026, 1, 1, tzinfo=UTC)


def version(number: int) -> Version:
    return Version(commit=f"{number:040x}", hash=f"{number:08x}")


V1, V2, V3 = version(1), version(2), version(3)


class Crash(Exception):
    """The agent died between two actions."""


@dataclass
class Cluster:
    """What is live, what Git says, and what the machine wrote down.

    Attributes:
        lag: ticks in which no pod comes up.
        uptake: ticks a route takes to be in force after it was written.
        behind: ticks of that which are left.
        unlisted: pods of each side that are available and no endpoints of their Service yet.
        refused: whoever serves the routes does not accept them.
    """

    policy: RolloutPolicySpec
    replicas: int = 4
    max_unavailable: int = 1
    now: datetime = START
    head: Version = field(default_factory=lambda: version(1))
    state: RolloutState = field(default_factory=RolloutState)
    primary: Version = field(default_factory=lambda: version(1))
    primary_pods: int = 4
    primary_up: int = 4
    settled: bool = True
    rest: Version = field(default_factory=lambda: version(1))
    canary: Version | None = None
    canary_pods: int = 0
    canary_up: int = 0
    baseline: Version | None = None
    baseline_pods: int = 0
    baseline_up: int = 0
    service: bool = False
    share: Share = field(default_factory=Share)
    sent: Share = field(default_factory=Share)
    zero_since: datetime = START
    full_since: datetime = START
    lag: int = 0
    uptake: int = 0
    behind: int = 0
    unlisted: int = 0
    refused: bool = False
    labelled: bool = False
    stays: bool = False
    selected: bool = False
    broken: frozenset[str] = frozenset()
    stuck: bool = False
    commands: list[Command] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    answer: Answer = Answer.SUCCESS
    faults: list[str] = field(default_factory=list)
    persisted: int = 0

    def observe(self) -> Observation:
        self.measurements = [one for one in self.measurements if one.at <= self.now]
        canary = None
        if self.canary is not None:
            failed = "crash loop" if self.canary.hash in self.broken else ""
            canary = WorkloadStatus(version=self.canary, replicas=self.canary_pods, available=self.canary_up, failed=failed)
        bad = self.primary.hash in self.broken
        return Observation(
            head=self.head,
            primary=WorkloadStatus(
                version=self.primary,
                replicas=self.primary_pods,
                available=self.primary_up,
                complete=self.settled and not bad and self.primary_up >= self.primary_pods,
                failed="crash loop" if bad else "",
            ),
            canary=canary,
            baseline=self._baseline(),
            replicas=self.replicas,
            max_unavailable=self.max_unavailable,
            endpoints=max(self.canary_up - self.unlisted, 0) if self.service else 0,
            reachable=max(self.primary_up - self.unlisted, 0),
            canary_service=self.service,
            lost=self.canary if self.state.stable is None else None,
            routing=Routing(share=self.state.traffic.want, verdict=self._verdict()),
            applied=self.rest,
            labelled=self.labelled and not (self.stays and bad),
            selected=self.selected,
            measurements=tuple(self.measurements[-40:]),
            commands=tuple(self.commands[-8:]),
        )

    def _baseline(self) -> WorkloadStatus | None:
        if self.baseline is None:
            return None
        return WorkloadStatus(version=self.baseline, replicas=self.baseline_pods, available=self.baseline_up)

    def _verdict(self) -> Verdict:
        if self.refused and self.share == self.state.traffic.want:
            return Verdict.ERROR
        return Verdict.READY if self.share == self.state.traffic.want and not self.behind else Verdict.NOT_YET

    def turn(self, *, crash_after: int | None = None) -> bool:
        """One look, one step, its actions; false when nothing was persisted and nothing but waiting was asked for."""
        state, actions = step(self.state, self.observe(), self.policy, self.now)
        assert state == self.state or isinstance(actions[0], do.Persist)
        acted = False
        for count, one in enumerate(actions):
            if crash_after is not None and count >= crash_after:
                return True
            acted |= self.apply(one)
        return acted

    def apply(self, one: do.Action) -> bool:  # noqa: PLR0912 - one case an action
        match one:
            case do.Persist(state):
                self.state, self.persisted = state, self.persisted + 1
            case do.Adopt(stage):
                self.labelled = True
                if stage is Adoption.SELECT:
                    self.selected = True
            case do.ApplyAdded():
                pass
            case do.ApplyCanary(target, replicas):
                self._apply_canary(target, replicas)
            case do.ApplyBaseline(target, replicas):
                self._apply_baseline(target, replicas)
            case do.ScalePrimary(replicas):
                self._scale_primary(replicas)
            case do.Route(share):
                self._route(share)
            case do.ApplyPrimary(target):
                if target.hash != self.primary.hash:
                    self._roll()
                self.primary = target
            case do.ApplyRest(target):
                self.rest = target
            case do.DeleteService():
                self.note(self.share.none, "I5: the Service went before the routes")
                self.service = False
            case do.DeleteCanary():
                self.note(not self.service, "I5: the workload went before the Service")
                self._drained("deleted")
                self.canary, self.canary_pods, self.canary_up = None, 0, 0
            case do.Measure(metrics, target):
                self._measure(metrics, target)
                return False
            case do.Verify() | do.Wake():
                return False
        return True

    def note(self, holds: bool, text: str) -> None:  # noqa: FBT001 - an assertion that is collected
        if not holds:
            self.faults.append(f"{text} ({self.state.phase} {self.state.stage} {self.state.reason})")

    def _apply_canary(self, target: Version, replicas: int) -> None:
        if self.canary is not None and self.canary.hash != target.hash:
            self.note(self.share.none, "I3: the canary changed under traffic")
        if replicas < self.canary_pods and not run(self.policy).plain:
            self._drained("scaled down")
        if replicas < self.canary_up and not self.share.none:
            self.note(self.primary_up + replicas >= self.replicas - self.max_unavailable, "I4: too few pods are left")
        most = self.replicas + ceil_div(self.replicas * run(self.policy).surge_percent, 100)
        if replicas > self.canary_pods and replicas > 1:
            pods = replicas + self.baseline_pods + min(self.primary_pods, self.replicas)
            self.note(pods <= most, "more pods than the surge allows")
        self.canary, self.canary_pods, self.service = target, replicas, True
        self.canary_up = min(self.canary_up, replicas)

    def _apply_baseline(self, target: Version, replicas: int) -> None:
        self.note(target.hash == self.primary.hash or not replicas, "the baseline is of another version than the workload")
        most = self.replicas + ceil_div(self.replicas * run(self.policy).surge_percent, 100)
        pods = replicas + self.canary_pods + min(self.primary_pods, self.replicas)
        self.note(replicas <= self.canary_pods or not replicas, "the baseline is larger than the canary")
        self.note(pods <= most or not replicas, "more pods than the surge allows")
        self.baseline, self.baseline_pods = target if replicas else None, replicas
        self.baseline_up = min(self.baseline_up, replicas)

    def _scale_primary(self, replicas: int) -> None:
        if replicas < self.primary_pods:
            lost = max(self.primary_up - replicas, 0)
            left = self.primary_up - lost + self.canary_up
            self.note(not lost or left >= self.replicas - self.max_unavailable, "I4: too few pods are left")
        self.primary_pods, self.primary_up = replicas, min(self.primary_up, replicas)

    def _roll(self) -> None:
        """The workload gets another version: some of its pods go at once, and whatever they were answering with them."""
        self.settled = False
        self.primary_up = min(self.primary_up, max(self.primary_pods - self.max_unavailable, 0))
        if self.share.weight == FULL and self.sent == self.share and not run(self.policy).rolling:
            long_enough = self.now >= self.full_since + self.policy.drain
            self.note(long_enough, "I2: the workload changed before its requests in flight were done")

    def _route(self, share: Share) -> None:
        if not share.none and share != self.share:
            self.note(self.canary_up >= 1 and self.service, "I1: traffic to a canary that cannot answer")
        # A share that a hand took away and that comes back is a repair, as good as the share that was there.
        if share.weight > self.sent.weight and not run(self.policy).plain:
            self.note(
                self.canary_up >= ceil_div(share.weight * self.replicas, 100), "I2: more traffic than the canary has pods for"
            )
        if share.none and not self.share.none:
            self.zero_since = self.now
        if share.weight == FULL and self.share.weight != FULL:
            self.full_since = self.now
        if share != self.share:
            self.behind = self.uptake
        self.share = self.sent = share

    def _drained(self, what: str) -> None:
        if self.canary_up:
            long_enough = self.now >= self.zero_since + self.policy.drain
            self.note(self.share.none and long_enough, f"I2: {what} before the requests in flight were done")

    def _measure(self, metrics: tuple[str, ...], target: Version) -> None:
        last = self.measurements[-1].at if self.measurements else START - timedelta(days=1)
        if self.now > last:
            answer = self.answer
            self.measurements += [Measurement(metric=name, at=self.now, answer=answer, hash=target.hash) for name in metrics]

    def tick(self, seconds: float = 0) -> None:
        """Lets time pass: pods come up unless they are broken; the workload rolls."""
        self.now += timedelta(seconds=seconds)
        self.behind = max(self.behind - 1, 0)
        if self.lag:
            self.lag -= 1
            return
        if self.canary is not None:
            self.canary_up = 0 if self.canary.hash in self.broken else self.canary_pods
        if not self.stuck:
            self.baseline_up = self.baseline_pods
        if self.primary.hash in self.broken:
            self.primary_up = min(self.primary_up, max(self.primary_pods - self.max_unavailable, 0))
        else:
            self.primary_up, self.settled = self.primary_pods, True
        if self.state.primary is None and self.primary_pods != self.replicas:
            self.primary_pods = self.replicas

    def command(self, order: CommandKind) -> None:
        self.commands.append(Command(order=order, nonce=f"n{len(self.commands)}"))

    def settle(self, *, turns: int = 400, seconds: float = 15) -> None:
        """Turns until nothing is asked for any more and time brings nothing either."""
        quiet = 0
        for _ in range(turns):
            quiet = 0 if self.turn() else quiet + 1
            self.tick(seconds)
            if quiet > 3 and not self.state.running:
                return

    def until(
        self, phase: str, stage: str | None = None, *, step: int | None = None, seconds: float = 1, turns: int = 600
    ) -> None:
        """Turns until a phase, a stage and a step are reached."""
        for _ in range(turns):
            here = self.state.phase == phase and (stage is None or self.state.stage == stage)
            if here and (step is None or self.state.step == step):
                return
            self.turn()
            self.tick(seconds)
        raise AssertionError(f"never reached {phase} {stage}: {replace(self.state, plan=None)}")


def started(
    policy: RolloutPolicySpec | None = None, *, answer: Answer = Answer.SUCCESS, broken: frozenset[str] = frozenset()
) -> Cluster:
    """A cluster at rest, adopted, to which Git has just brought a second version."""
    cluster = Cluster(policy=policy or canary(), answer=answer, broken=broken)
    cluster.settle(turns=30)
    cluster.head = V2
    return cluster
