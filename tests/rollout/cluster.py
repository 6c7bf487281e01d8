"""A model cluster, reconciled to D(t) by the engine's own plan.

Each turn does what the agent does: observe, step, write the state, compose D(t), plan, and write object by object in the order
of the plan's graph. Between any two writes the agent can die. Each broken invariant is noted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.api.sync_options import DeletionGuard
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import ROLLOUT
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.machine import StepResult, step
from gitops_agent.rollout.observation import Answer, Measurement
from gitops_agent.rollout.replica_counts import FULL, ceil_div
from gitops_agent.rollout.run_plan import load_policy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Share, Stage, Version
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.rollout.workload_status import labelled
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.plan_walker import PlanWalker
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.ordering.graph import Until
from gitops_agent.sync.planning.plan import Plan, plan
from gitops_agent.sync.planning.policy import PlanPolicy
from tests.rollout.policies import canary
from tests.rollout.release import V2, WEB, composed, named, release
from tests.rollout.world import SHOP, START, World

_POLICY = PlanPolicy(guard=DeletionGuard(max_objects=100, max_percent=100))
_REVISION = Revision(repository="https://git.example/shop", ref="main", commit="0" * 40)


@dataclass
class Cluster(World):
    """The world with the agent in it, and the invariants."""

    def step(self) -> StepResult:
        """One step of the machine, from the live objects."""
        state = self.state
        ready = labelled(self.live[WEB].obj) and (self.selected or self.canary is not None)
        rests = state.phase in {Phase.IDLE, Phase.HELD} and state.stable is not None
        if rests and state.adoption is Adoption.DONE and not labelled(self.live[WEB].obj):
            state = replace(state, stable=None, adoption=Adoption.NONE)  # as the agent does where the label was lost
        if state.stable is None and ready and self.running.steps:
            state = replace(state, adoption=Adoption.DONE)  # as the agent does where the workload is adopted already
        return step(state, self.observe(), self.policy, self.now)

    def turn(self, *, crash_after: int | None = None) -> bool:
        """Observes, steps, and writes the plan; false when nothing was written.

        Args:
            crash_after: writes, the one of the state included, after which the agent dies.
        """
        result, self.log = self.step(), []
        if result.state != self.state:
            if crash_after == 0:
                return True
            self._persist(result.state)
        self._measure(result)
        made = self.plan(result)
        if made is None:
            return bool(self.log)
        course = PlanWalker(made, self._ready)
        open_now: list[Action] = []
        refused = False
        while True:
            while (ready_action := course.next()) is not None:
                open_now.append(ready_action)
            if not open_now:
                break
            if crash_after is not None and len(self.log) >= crash_after:
                return True
            action = open_now.pop(self.order.randrange(len(open_now)) if self.order else 0)
            if action.kind is not ActionKind.DELETE and action.key.name.rpartition("-c-")[2] in self.unacceptable:
                refused = True
                course.left(action.key, parked=False)
                continue
            self._write(action)
            course.done(action.key)
        self.note(refused or not course.waiting(), f"the plan does not end: {course.waiting()}")
        self._complete()
        return bool(self.log)

    def plan(self, result: StepResult) -> Plan | None:
        """The plan to D(t); None when the cluster equals D(t) since."""
        policy = self.policy if result.state.plan is None else load_policy(result.state.plan)
        overlaid = composed(result.state, result.replicas, policy, self.head, self._declared)
        if self.met == (overlaid, result.state.running):
            return None
        desired = Desired(
            application=SHOP,
            revision=_REVISION,
            manifests=overlaid.manifests,
            kept=overlaid.kept,
            rolled=overlaid.own | overlaid.bound if result.state.running else frozenset(),
        )
        objects = {key: live.seen for key, live in self.live.items()}
        made = plan(desired, Snapshot(objects=objects, baselines=self.baselines, cannot_see={}, complete=True), _POLICY)
        assert not made.verdict.held
        if not made.writes:
            self.met = (overlaid, result.state.running)
            return None
        return made

    def _ready(self, key: ObjectKey, until: Until) -> bool:
        return (key not in self.live) if until is Until.GONE else key in self.live

    def leave_behind(self, what: Version) -> None:
        """Leaves a canary without pods, and its configuration, of a lost run."""
        declared = {manifest.key: manifest for manifest in release(what, self._declared)}
        reads = declared[named("ConfigMap", f"own-{what.hash}")]
        self._put(reads.key, reads.obj, reads.digest)
        obj = canary_objects.canary(declared[WEB].obj, version=what.hash, replicas=0, copies={})
        metadata = {**obj["metadata"], "annotations": {ROLLOUT: "web"}}
        self._put(ObjectKey.of(obj), {**obj, "metadata": metadata}, digest(obj))

    # What is written, and what must hold when it is

    def note(self, holds: object, text: str) -> None:
        if not holds:
            self.faults.append(f"{text} ({self.state.phase} {self.state.stage} {self.state.reason})")

    def _persist(self, state: RolloutState) -> None:
        before = self.state
        ends = before.phase is Phase.STEP and before.stage is Stage.HOLD and not (before.full or state.full)
        ends = ends and (state.step > before.step or state.phase is Phase.PROMOTE)
        if ends and self.running.steps:
            taken = self._verdict(before.traffic.want) is Verdict.READY
            self.note(taken and self.canary_up >= before.canary, "a step ended without its share in force")
        begins = state.stage is Stage.HOLD and before.stage is Stage.ROUTE and 0 < state.traffic.want.weight < FULL
        self.note(not (begins and self.running.plain and self.going), "a step began while pods that leave still serve")
        if state.adoption is Adoption.DONE and before.adoption is Adoption.SELECT:
            self.note(self.selected, "adopted before the Service selects the stable side")
        if before.phase is Phase.PENDING and state.beside:
            self.note(not self.gate, "a run began in spite of its gate")
            self.note(not self.leftovers, "a run began beside what an earlier one left")
        cut = state.stage is Stage.CUT_ROUTE and before.stage is Stage.CUT_SCALE
        rolls = state.stage is Stage.ROLL and before.stage is Stage.CUT_HOLD
        self.note(self.barrier or not (cut or rolls), "the workload went ahead of the others of its run")
        if cut and (state.traffic.want.weight == FULL or not self.running.plain):
            enough = self.canary_up >= ceil_div(state.traffic.want.weight * self.wanted, FULL)
            self.note(enough, "the traffic is cut to a canary that is not at full scale")
        if before.stage is Stage.ROLL and state.stage in {Stage.BACK, Stage.WATCH}:
            self.note(self._applied() == state.target, "the promotion goes on before the rest is applied")
        if (
            state.traffic.want.weight < min(before.traffic.want.weight, self.share.weight)
            and self.endpoints
            and before.stable is not None
        ):
            waits = self.head not in {state.stable, state.target}
            back = self.primary_up or state.traffic.want.weight or waits or not self.wanted
            self.note(back, "traffic returns to a workload without pods")
        self.state, self.persisted, self.decided_for = state, self.persisted + 1, self.wanted
        self.log.append("state")

    def _write(self, action: Action) -> None:
        key, share = action.key, self.share
        second = self.services[1]
        writers: dict[ObjectKey, Callable[[Object], None]] = {WEB: self._apply_primary, second: self._apply_service}
        if action.kind is ActionKind.DELETE:
            self._delete(key)
            self.live.pop(key)
            self.baselines.pop(key, None)
            self.met = (None, None)
        else:
            assert action.manifest is not None, action
            obj = action.manifest.obj
            side = (obj["metadata"].get("labels") or {}).get(canary_objects.VARIANT)
            if key.kind == "Deployment":
                self._reads(obj)
            if side == canary_objects.CANARY and key.kind == "Deployment":
                self._apply_canary(obj)
            elif side == canary_objects.BASELINE:
                self._apply_baseline(obj)
            elif key in writers:
                writers[key](obj)
            self._put(key, obj, action.manifest.digest)
        self.log.append(key)
        if self.share != share:
            self._routed(self.sent)
            self.sent = self.share
            self._moved(share)

    def _reads(self, workload: Object) -> None:
        for source in workload["spec"]["template"]["spec"]["containers"][0]["envFrom"]:
            key = named("ConfigMap", source["configMapRef"]["name"])
            self.note(key in self.live, f"pods came before {key.name}, which they read")

    def _delete(self, key: ObjectKey) -> None:
        if key == self.services[1]:
            self.note(self.share.none and not self.behind, "I5: the Service went before the routes")
        elif key.kind == "ConfigMap":
            for live in self.live.values():
                if live.obj["kind"] == "Deployment":
                    reads = live.obj["spec"]["template"]["spec"]["containers"][0]["envFrom"]
                    gone = {"configMapRef": {"name": key.name}} in reads
                    self.note(not gone, f"{key.name} went before pods that read it")
        elif key.kind == "Deployment" and "-c-" in key.name:
            self.note(not self.service, "I5: the workload went before the Service")
            self._drained("deleted")
            self.canary_pods = self.canary_up = 0
        elif key.kind == "Deployment" and "-b-" in key.name:
            self.baseline_pods = self.baseline_up = 0
        else:
            # A run keeps its Service whatever Git names; at rest one that Git renamed goes.
            renamed = key.kind == "Service" and (key != self.services[0] or self.running.rolling)
            self.note(renamed or key.kind == "ConfigMap", f"{key} went")

    @property
    def _most(self) -> int:
        # What was decided before Git took replicas away may still be carried out; the next step takes it back.
        wanted = max(self.wanted, self.decided_for)
        return wanted + ceil_div(wanted * self.running.surge_percent, FULL)

    @property
    def _share(self) -> int:
        """The canary pods that its share of the traffic needs."""
        return max(ceil_div(self.share.weight * self.wanted, FULL), 0 if self.share.none else 1)

    def _serving(self, *, primary: int | None = None, canary: int | None = None) -> bool:
        """Whether enough pods serve with so many available ones (I4)."""
        there = self.primary_up if primary is None else primary
        if self.running.plain and self.side == canary_objects.CANARY:
            there = 0
        if not self.share.none:
            there += self.canary_up if canary is None else canary
        return there >= self.wanted - self.max_unavailable

    def _apply_canary(self, obj: Object) -> None:
        replicas, known = obj["spec"]["replicas"], self.live.get(ObjectKey.of(obj))
        if known is None:
            self.note(not self._variants(canary_objects.CANARY), "a second canary was made beside the first")
        else:
            # With its state a run loses what its configuration was compared with, and so the names of its copies.
            same = known.obj["spec"]["template"] == obj["spec"]["template"] or self.state.target == self.state.stable
            self.note(self.share.none or same, "I3: the canary changed under traffic")
        if replicas < self.canary_pods and not self.running.plain and replicas < self._share:
            self._drained("scaled down")
        if replicas < self.canary_up and not self.share.none:
            self.note(self._serving(canary=replicas), "I4: too few pods are left")
        if replicas > self.canary_pods and replicas > 1:
            pods = replicas + self.baseline_pods + min(self.primary_pods, self.wanted)
            self.note(pods <= self._most, "more pods than the surge allows")
        self.canary_pods, self.canary_up = replicas, min(self.canary_up, replicas)

    def _apply_service(self, obj: Object) -> None:
        known = self.live.get(self.services[1])
        same = known is None or known.obj["spec"]["selector"] == obj["spec"]["selector"]
        self.note(self.share.none or same, "I3: the canary's Service changed under traffic")

    def _apply_baseline(self, obj: Object) -> None:
        replicas = obj["spec"]["replicas"]
        pods = replicas + self.canary_pods + min(self.primary_pods, self.wanted)
        self.note(pods <= self._most, "more pods than the surge allows")
        self.note(self._version(obj).hash == self.primary.hash, "the baseline is of another version than the workload")
        self.baseline_pods, self.baseline_up = replicas, min(self.baseline_up, replicas)

    def _apply_primary(self, obj: Object) -> None:
        replicas = obj["spec"].get("replicas", self.primary_pods)
        serves = not self.running.plain or self.side != canary_objects.CANARY
        if replicas < self.primary_pods and self.primary_up > replicas and serves:
            self.note(self._serving(primary=replicas), "I4: too few pods are left")
        if self.linger:
            self.going += (self.linger,) * (self.primary_up - replicas)
        self.primary_pods, self.primary_up = replicas, min(self.primary_up, replicas)
        if obj["spec"]["template"] != self.live[WEB].obj["spec"]["template"]:
            self._roll(self._version(obj))

    def _roll(self, to: Version) -> None:
        """Replaces the template: some pods end at once, with their requests."""
        self.settled = False
        self.primary_up = min(self.primary_up, max(self.primary_pods - self.max_unavailable, 0))
        if not self.running.steps or to == self.state.stable:
            return
        if self.state.unproven:
            self.note(not self.primary_up, "a version without steps replaced pods that serve")
            return
        if self.share.weight == FULL and self.sent == self.share:
            long_enough = self.now >= self.full_since + self.running.drain
            self.note(long_enough, "I2: the workload changed before its requests in flight were done")
        if not self.running.plain and self.wanted:
            ours = self.share == self.state.traffic.want and not self.behind
            self.note(ours and self.share.weight >= self.running.surge_percent, "the workload rolled while it had the traffic")

    def _routed(self, sent: Share) -> None:
        """The agent wrote another share."""
        share = self.share
        if not share.none:
            self.note(self.endpoints >= 1, "I1: traffic to a canary that cannot answer")
        # A share that was removed by hand and is restored is a repair, as safe as the share before.
        if share.weight > sent.weight and not self.running.plain:
            enough = self.canary_up >= ceil_div(share.weight * self.wanted, FULL) or not self.primary_up
            self.note(enough, "I2: more traffic than the canary has pods for")

    def _drained(self, what: str) -> None:
        if self.canary_up:
            long_enough = self.now >= self.zero_since + self.running.drain
            self.note(
                self.share.none and not self.behind and long_enough, f"I2: {what} before the requests in flight were done"
            )

    def _complete(self) -> None:
        """What must hold once a plan is carried out whole."""
        self.note(self.rest == self.head, "what belongs to no rollout does not follow Git")
        for live in self.live.values():
            if live.obj["kind"] == "Deployment" and self.state.stable is not None and not self._lost(live.obj):
                self.note(
                    self._reads_its_own(live.obj), f"{live.obj['metadata']['name']} reads another version's configuration"
                )
        if not self.autoscaled and self.state.primary is None:
            self.note(self.primary_pods == self.replicas, "the replicas do not follow Git")
        self.note(self.baseline_pods <= self.canary_pods, "the baseline is larger than the canary")
        if self.state.running and self.running.steps and self.autoscaled:
            spec = self.live[named("HorizontalPodAutoscaler", "web")].obj["spec"]
            self.note("behavior" in spec, "the autoscaler may scale down during a run")

    def _lost(self, workload: Object) -> bool:
        """Whether it was left by a run whose state is lost."""
        return bool((workload["metadata"].get("annotations") or {}).get(ROLLOUT)) and self.state.target in {
            None,
            self.state.stable,
        }

    def _reads_its_own(self, workload: Object) -> bool:
        number = workload["spec"]["template"]["spec"]["containers"][0]["image"].partition(":")[2]
        sources = workload["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        reads = (self.live.get(named("ConfigMap", source["configMapRef"]["name"])) for source in sources)
        return all(live is not None and live.obj["data"]["of"] == number for live in reads)

    def _measure(self, result: StepResult) -> None:
        last = self.measurements[-1].at if self.measurements else START - timedelta(days=1)
        target = result.state.target
        if target is not None and self.now > last:
            answer = self.answer
            made = (Measurement(metric=name, at=self.now, answer=answer, hash=target.hash) for name in result.measure)
            self.measurements += made

    def command(self, order: CommandKind) -> None:
        self.commands.append(Command(order=order, nonce=f"n{len(self.commands)}"))

    def settle(self, *, turns: int = 400, seconds: float = 15) -> None:
        """Turns until neither a step nor time changes anything."""
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
    policy: RolloutPolicySpec | None = None,
    *,
    answer: Answer = Answer.SUCCESS,
    broken: frozenset[str] = frozenset(),
    linger: int = 0,
) -> Cluster:
    """An adopted cluster at rest; Git has just declared a second version."""
    cluster = Cluster(policy=policy or canary(), answer=answer, broken=broken, linger=linger)
    cluster.settle(turns=30)
    cluster.head = V2
    return cluster
