"""Advances the rollouts of an application by one step, and composes D(t).

One pass makes at most one step of each rollout, writes its state and returns D(t), which the engine applies. So everything a
rollout does to the cluster is planned, checked, applied, repaired and explained like everything else. Nothing here waits.
A pass that moved a rollout requeues the application; whatever ends a wait (pods, endpoints, routes, a measurement, the clock,
a user) triggers the next.

The state is written before anything is done in its name, by compare-and-swap; a pass that loses that race does nothing and
is repeated. A leader marks each rollout under way with an epoch of its own, one more than the last; a leader that reads a later
epoch has been superseded, whatever it believes itself, and writes nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.agent.ports import EventSink
from gitops_agent.agent.rollouts import rollout_metrics, status_builder
from gitops_agent.agent.rollouts.advice import Advice
from gitops_agent.agent.rollouts.analysis_run import AnalysisRun
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRunner
from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.declared_policies import DeclaredPolicies
from gitops_agent.agent.rollouts.loader import RolloutLoader, by_key, part
from gitops_agent.agent.rollouts.metric_jobs import JobScope
from gitops_agent.agent.rollouts.rollout_pass import CommitPending, RolloutPass, RolloutRequest, RolloutResult
from gitops_agent.agent.rollouts.run_preflight import AGAIN_SECONDS
from gitops_agent.agent.rollouts.stuck_pods import StuckPodRemover
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.agent.rollouts.uncovered_workloads import hold, waiting
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.errors import AgentError, Conflict, RenderError
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.observe.log import logger
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.compose import compose
from gitops_agent.rollout.coverage import target, unbound
from gitops_agent.rollout.describe import describe
from gitops_agent.rollout.machine import StepResult, step, still
from gitops_agent.rollout.observation import Observation
from gitops_agent.rollout.state import Stage
from gitops_agent.sync.desired import Desired

_log = logger("rollout")


class RolloutController:
    """Advances the rollouts of applications.

    Args:
        stores: policies and live objects.
        loader: loads rollouts and what they stand on.
        analysis: runs the metrics of rollouts that hold.
        stuck_pods: lets a StatefulSet take up the stable manifests again.
        events: take the transitions, before the state is written.
        now: aware, UTC.
    """

    def __init__(
        self,
        stores: Stores,
        loader: RolloutLoader,
        analysis: AnalysisRunner,
        stuck_pods: StuckPodRemover,
        events: EventSink,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policies, self._live, self._loader, self._observer = stores.policies, stores.live, loader, loader.observer
        self._analysis, self._stuck_pods, self._events, self._now = analysis, stuck_pods, events, now
        self._known: dict[AppKey, frozenset[ObjectKey]] = {}
        self._epochs: dict[ObjectKey, int] = {}
        self._advice: dict[ObjectKey, Advice] = {}

    def prepare(self, request: RolloutRequest) -> RolloutPass:
        """Loads the rollouts, and reports whether a run is about to start.

        Raises:
            ClusterError: the API server did not answer, or refused the status of a refused policy.
        """
        declared = DeclaredPolicies.of(request.head)
        refused = declared.refused
        if refused is not None or request.head is None:
            # As with a commit that does not render: what is under way goes on with the commits it stands on.
            declared = DeclaredPolicies.of(request.last)
            declared = DeclaredPolicies() if declared.refused else declared
            request = replace(request, head=None, last=declared.commit)
        current = RolloutPass(request=request, policies=declared, accepted=declared.commit, refused=refused)
        try:
            self._prepare(current)
        except (CommitPending, AgentError) as error:
            current.result = _without_desired(error)
        if current.result is not None:
            current.result = _with_refusal(current.result, refused)
        return current

    def advance(self, current: RolloutPass, *, held: str = "", waits: str = "") -> RolloutResult:
        """One step of every rollout, and D(t).

        Args:
            current: a prepared pass.
            held: why a run that is about to start must wait for an approval; empty when it need not.
            waits: why it must wait for something else, such as hooks.

        Raises:
            ClusterError: the API server refused a state, or did not answer.
        """
        if current.result is None:
            try:
                result = self._advance(current, held if current.starting else "", waits)
            except (CommitPending, AgentError) as error:
                result = _without_desired(error)
            current.result = _with_refusal(result, current.refused)
        return current.result

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application."""
        self._drop(application, frozenset())

    # Loading

    def _prepare(self, current: RolloutPass) -> None:
        application, request = current.key, current.request
        if not self._policies.listed(application):
            current.result = RolloutResult(desired=None, pending="the rollout policies are being listed")
            return
        if not current.policies.specs and not self._policies.of(application):
            self._drop(application, frozenset())
            current.result = RolloutResult(desired=request.head)
            return
        if current.base is None:
            current.policies = DeclaredPolicies.of(self._loader.standing(current))
        if current.policies.refused is not None:
            raise current.policies.refused
        base, declared = current.base, current.policies.specs
        for desired in (request.head, request.last):
            if desired is not None:
                current.commits.setdefault(desired.revision.commit, desired)
        contested = base.contested.keys() if base is not None else frozenset[ObjectKey]()
        rollouts = [
            rollout
            for key in sorted({*declared, *self._policies.of(application)} - contested)
            if (rollout := self._loader.load(current, key, declared.get(key), base)) is not None
            and rollout.subject.workload not in contested
        ]
        self._drop(application, frozenset(rollout.key for rollout in rollouts))
        current.rollouts = self._loader.with_routes(base, rollouts)
        current.unbound = self._unbound(current, declared)
        if not rollouts and not current.unbound:
            current.result = RolloutResult(desired=request.head)
            return
        more = waiting(current)
        self._loader.ensure_listed(application, current.rollouts, more)
        self._loader.pin(application, current.rollouts, more)

    # Stepping

    def _advance(self, current: RolloutPass, held: str, waits: str) -> RolloutResult:
        gate = held or waits
        rollouts = [
            replace(rollout, gate=gate) if gate and rollout.key in current.starting else rollout for rollout in current.rollouts
        ]
        views: list[RolloutSummary] = []
        moved = False
        wakes: list[float] = []
        results: list[RolloutContext] = []
        lost: set[ObjectKey] = set()
        for rollout in rollouts:
            if rollout.raw == {}:
                lost |= self._loader.untouchable(rollout, current.key)
                results.append(rollout)
                continue
            after, result, observation = self._step(current, rollout, rollouts)
            after = self._marked(rollout, after, frozen=current.request.frozen)
            advice = Advice.of(current, after)
            if after.state != rollout.state or advice.missing(after, self._advice.get(after.key)):
                self._write(current, rollout, after, advice)
                moved = moved or after.state != rollout.state
            self._measure(current, after, result.measure, observation)
            self._unblock(current, after, observation)
            wakes += [] if result.wake_at is None else [max(0.0, (result.wake_at - self._now()).total_seconds())]
            wakes += [AGAIN_SECONDS] if rollout.refused else []
            settling = None if after.state.traffic.verified else self._observer.settle_seconds(after)
            wakes += [seconds for seconds in (settling, self._loader.causes.due(after.key)) if seconds is not None]
            results.append(replace(after, replicas=result.replicas))
            views.append(RolloutSummary.of(after))
            rollout_metrics.publish(current.key, rollout.state, after)
        held_back = hold(current, self._loader)
        self._keep_commits(current, results)
        return RolloutResult(
            desired=self._desired(current, results, lost | held_back.untouched, held_back.manifests),
            views=tuple(views),
            again=0.0 if moved else min(wakes, default=None),
            moved=moved,
            held=held,
            refused={**current.unbound, **{rollout.key: rollout.flaw for rollout in current.rollouts if rollout.flaw}},
        )

    def _step(
        self, current: RolloutPass, rollout: RolloutContext, rollouts: Sequence[RolloutContext]
    ) -> tuple[RolloutContext, StepResult, Observation]:
        """Makes one step: the new rollout, the result, and the observation."""
        live = self._live.of(current.key).values()
        observation = self._observer.survey(rollout, rollouts, live)
        begun, deadline = rollout.state.entered_at, rollout.subject.policy.progress_deadline
        overdue = begun is not None and self._now() >= begun + deadline
        observation = self._loader.causes.complete(rollout, observation, overdue=overdue)
        spec = rollout.subject.policy
        if current.request.frozen:
            return rollout, still(rollout.state, observation, spec, self._now()), observation
        result = step(rollout.state, observation, spec, self._now())
        after = replace(rollout, state=result.state)
        try:
            compose((), [part(self._loader.following(current, after))])
        except RenderError as error:
            target = rollout.state.target
            nonce = digest([str(rollout.key), target.hash if target else "", str(error)])[:16]
            order = Command(order=CommandKind.ABORT, nonce=nonce, actor=f"the agent, because {error}")
            observation = replace(observation, commands=(*observation.commands, order))
            result = step(rollout.state, observation, spec, self._now())
            after = replace(rollout, state=result.state)
        return self._loader.following(current, after), result, observation

    def _marked(self, before: RolloutContext, after: RolloutContext, *, frozen: bool) -> RolloutContext:
        """The rollout, marked with this leader's epoch while a run needs it.

        Raises:
            AgentError: it belongs to a later leader.
        """
        mine = self._epochs.setdefault(before.key, before.state.epoch + 1)
        if before.state.epoch > mine:
            words = f"{before.key} is looked after by a later leader (epoch {before.state.epoch}, this one has {mine})"
            raise AgentError(words, reason="LeaderChanged", transient=True)
        if frozen or (after.state == before.state and not after.state.running):
            return after
        return replace(after, state=replace(after.state, epoch=mine))

    def _write(self, current: RolloutPass, before: RolloutContext, after: RolloutContext, advice: Advice) -> None:
        """Publishes the transitions, then writes the state.

        Raises:
            Conflict: the policy has been changed meanwhile.
        """
        now, application, head = self._now(), current.request.application, current.request.head
        revision: Revision | None = head.revision if head is not None else None
        events = status_builder.events(
            before.state,
            after.state,
            after.subject.policy,
            application=application.key,
            workload=after.subject.workload,
            revision=revision,
            now=now,
        )
        self._events.emit(application.raw, events)
        status = status_builder.status(
            before.raw.get("status") or {},
            after.state,
            after.subject.policy,
            generation=int(before.raw["metadata"].get("generation") or 0),
            analysis=self._analysis.shown(_app_key(before.key)),
            refused=bool(after.refused),
            flaw=after.flaw,
            notes=advice.notes,
            held=advice.held,
            now=now,
        )
        self._policies.write(before.raw, status)
        self._advice[before.key] = advice
        _log.info(
            "rollout",
            policy=str(before.key),
            phase=str(after.state.phase),
            stage=str(after.state.stage),
            step=after.state.step,
            weight=after.state.traffic.want.weight,
            message=describe(after.state, after.subject.policy),
        )

    def _unbound(self, current: RolloutPass, specs: Mapping[ObjectKey, RolloutPolicySpec]) -> Mapping[ObjectKey, str]:
        """The policies whose workload Git does not declare; writes their statuses."""
        rolling = {rollout.key: rollout.subject.workload for rollout in current.rollouts}
        others = {key: spec for key, spec in specs.items() if key not in rolling}
        declared = by_key(current.base)
        result = unbound(others, declared, {*rolling.values(), *(target(key.namespace, spec) for key, spec in specs.items())})
        for key, message in result.items():
            raw = self._policies.get(key)
            if raw is None:
                continue
            before = raw.get("status") or {}
            generation = int(raw["metadata"].get("generation") or 0)
            status = status_builder.refusal(before, message, generation=generation, now=self._now())
            if status != before:
                self._policies.write(raw, status)
        return result

    def _measure(self, current: RolloutPass, rollout: RolloutContext, metrics: Sequence[str], observation: Observation) -> None:
        """Starts the metrics of the state, and ends the others."""
        policy = _app_key(rollout.key)
        scope = JobScope(policy=policy, application=current.key, user=current.request.application.user)
        run = AnalysisRun.of(rollout, metrics, observation, scope)
        if run is not None:
            self._analysis.want(run)
            return
        declared = rollout.subject.policy.analysis.metrics
        self._analysis.drop(policy, scope if any(metric.provider.job is not None for metric in declared) else None)

    def _unblock(self, current: RolloutPass, rollout: RolloutContext, observation: Observation) -> None:
        """Deletes the pods that block a rollback to the stable manifests."""
        primary = observation.primary
        waits = rollout.state.stage is Stage.RESTORE and primary is not None and not primary.complete
        live = self._live.get(rollout.subject.workload)
        if waits and not current.request.frozen and live is not None and live.evidence is not None:
            self._stuck_pods.free(live.evidence, as_user=current.request.application.user)

    # Composing

    def _keep_commits(self, current: RolloutPass, rollouts: Iterable[RolloutContext]) -> None:
        """Keeps the renders that the states need, and drops the others."""
        head = current.request.head.revision.commit if current.request.head is not None else ""
        for rollout in rollouts:
            state = rollout.state
            for name, version in (("stable", state.stable), ("target", state.target)):
                if version is not None and version.commit != head and (name == "stable" or state.running):
                    current.slots[f"{name} {rollout.key.name}"] = version.commit
        self._loader.keep(current.key, current.slots)

    def _desired(
        self,
        current: RolloutPass,
        rollouts: Sequence[RolloutContext],
        lost: set[ObjectKey],
        held: Mapping[ObjectKey, Manifest],
    ) -> Desired | None:
        """D(t), without what is lost and with what is held back."""
        base = current.base
        if base is None:
            return None
        overlaid = compose(base.manifests, [part(rollout) for rollout in rollouts])
        manifests = {**{manifest.key: manifest for manifest in overlaid.manifests}, **held}
        # Policies are followed as soon as they are known, whatever the rest waits for.
        manifests |= {manifest.key: manifest for manifest in base.manifests if manifest.key.group_kind == ROLLOUT_POLICY}
        running = [rollout for rollout in rollouts if rollout.state.running]
        kept = overlaid.kept | {rollout.key for rollout in running if rollout.key not in manifests}
        if lost:
            kept |= lost
            manifests = {key: manifest for key, manifest in manifests.items() if key not in lost}
        foreign = self._loader.claim(current.key, base, manifests.keys() | kept)
        marked = [key for key, live in self._live.of(current.key).items() if live.rollout]
        ours = (manifest for key, manifest in manifests.items() if key not in foreign)
        return replace(
            base,
            manifests=tuple(sorted(ours, key=lambda manifest: manifest.key)),
            kept=frozenset(kept),
            rolled=overlaid.own | overlaid.bound if running else frozenset(),
            made=frozenset[ObjectKey]().union(*(rollout.made(marked) for rollout in rollouts)),
            declared=base.content,
        )

    def _drop(self, application: AppKey, policies: frozenset[ObjectKey]) -> None:
        """Forgets the rollouts an application no longer has."""
        previous = self._known.get(application, frozenset())
        for gone in previous - policies:
            self._epochs.pop(gone, None)
            self._advice.pop(gone, None)
            self._analysis.forget(_app_key(gone))
            self._loader.forget(gone)
            rollout_metrics.forget(gone)
        if policies:
            self._known[application] = policies
        elif self._known.pop(application, None) is not None:
            self._live.pin(application, ())
            self._loader.keep(application, {})
            self._loader.claim(application, None, ())


def _without_desired(error: CommitPending | AgentError) -> RolloutResult:
    """The result of a pass without D(t).

    Raises:
        AgentError: the error itself, where it passes and the whole reconcile has to be tried again.
    """
    if isinstance(error, CommitPending):
        return RolloutResult(desired=None, pending=str(error))
    if isinstance(error, Conflict):
        _log.debug("a rollout policy was changed meanwhile", error=error)
        return RolloutResult(desired=None, pending="a rollout policy was changed meanwhile", again=0.0)
    if error.transient:
        raise error
    return RolloutResult(desired=None, error=error)


def _with_refusal(result: RolloutResult, refused: AgentError | None) -> RolloutResult:
    """The result, with the refusal of the newest commit as its error."""
    return result if refused is None or result.error is not None else replace(result, error=refused)


def _app_key(key: ObjectKey) -> AppKey:
    return AppKey(key.namespace, key.name)
