"""Executes a plan's ready actions in order, and reports on each.

No call waits for the cluster: an object whose predecessor is not ready is returned as a `Waiting`, and the watch event that
ends the wait leads to the next plan. The process may die between any two calls; the next plan starts from what is live then.
The answer to a write is known at once (read your writes) and is the baseline for detecting drift.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, NotFound, Throttled, UnknownKind
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply import preflight
from gitops_agent.sync.apply.concurrency import AdaptiveLimit
from gitops_agent.sync.apply.errors import classify
from gitops_agent.sync.apply.helm_releases import warning_of_release
from gitops_agent.sync.apply.missing_accounts import name_missing
from gitops_agent.sync.apply.plan_walker import PlanWalker, Waiting
from gitops_agent.sync.apply.readiness import is_reached
from gitops_agent.sync.apply.writer import Done, Writer, body_of
from gitops_agent.sync.autoscalers import Autoscaled
from gitops_agent.sync.live.live_object import LiveObject, observe
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.ordering.order import Until
from gitops_agent.sync.planning.other_owners import OtherOwners
from gitops_agent.sync.planning.other_tools import takeovers
from gitops_agent.sync.planning.plan import Plan

WIDEST = 16
"""Writes under way at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one action.

    Attributes:
        key: the object.
        kind: what was done.
        ok: it succeeded. A replaced object succeeds once it was created anew.
        error: the failure; its `reason`, `transient` and `retry_after` say what to do.
        seconds: its duration.
        changed: the cluster is different for it; an apply that changed nothing writes nothing.
    """

    key: ObjectKey
    kind: ActionKind
    ok: bool
    error: AgentError | None = None
    seconds: float = 0.0
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a plan.

    Attributes:
        outcomes: of everything that was tried.
        waiting: what was not tried, and for what it waits.
        stopped: the process is ending; what was not tried is in neither list.
    """

    outcomes: tuple[Outcome, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    stopped: bool = False

    @property
    def errors(self) -> dict[ObjectKey, AgentError]:
        """Every failure, by object."""
        return {outcome.key: outcome.error for outcome in self.outcomes if outcome.error is not None}

    @property
    def ok(self) -> bool:
        """Whether all of it is done."""
        return not self.stopped and not self.waiting and all(outcome.ok for outcome in self.outcomes)


class Executor:
    """Executes plans for all applications of the process; thread-safe.

    Args:
        objects: writes.
        pool: its threads make the calls; `execute` must not run in one of them.
        live: receives every answer.
        widest: the maximum of concurrent writes.
        autoscalers: know the workloads that live autoscalers scale.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        objects: Objects,
        pool: ThreadPoolExecutor,
        live: LiveState,
        *,
        widest: int = WIDEST,
        autoscalers: Autoscaled | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects, self._pool, self._live = objects, pool, live
        self._writer = Writer(objects, live, autoscalers=autoscalers)
        self._owners = OtherOwners(objects, clock=clock)
        self._clock = clock
        self.window = AdaptiveLimit(widest, clock=clock)

    def execute(
        self,
        plan: Plan,
        *,
        as_user: str | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Executes a plan's ready actions; never raises for one object's failure.

        Args:
            plan: what to do.
            as_user: whom to impersonate.
            stop: asked before every call; once true, nothing more is begun.
        """
        course = PlanWalker(plan, self._ready)
        outcomes: list[Outcome] = []
        flying: dict[Future[tuple[Outcome | None, Done | None]], Action] = {}

        def run(action: Action) -> tuple[Outcome | None, Done | None]:
            # Asked again here, because an action may have waited for a thread since it was submitted.
            return (None, None) if stop() else self._run(action, plan, as_user=as_user)

        def land(action: Action, outcome: Outcome | None, done: Done | None) -> None:
            if outcome is None:
                return
            outcomes.append(outcome)
            if done is not None and not done.parked:
                course.done(action.key)
            else:
                course.left(action.key, parked=done is not None)

        while True:
            while len(flying) < self.window.size and not stop() and (action := course.next()) is not None:
                if not flying and not course.more:
                    land(action, *run(action))  # alone: no need for another thread
                else:
                    flying[self._pool.submit(run, action)] = action
            if flying:
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    land(flying.pop(future), *future.result())
            elif stop() or not (course.more or course.recheck()):
                break
        stopped = stop()
        name_missing(self._objects, (outcome.error for outcome in outcomes if outcome.error is not None), as_user)
        return Result(outcomes=tuple(outcomes), waiting=() if stopped else course.waiting(), stopped=stopped)

    def managed_by_others(self, plan: Plan) -> dict[ObjectKey, str]:
        """Why objects must not be taken over yet from other GitOps tools.

        Raises:
            AgentError: the kinds of the cluster are not known.
        """
        return self._owners.managed(takeovers(plan), self._pool)

    def warning_of_release(self, name: str, namespace: str) -> str:
        """A warning while Helm has a release of this name; else empty."""
        return warning_of_release(self._objects, name, namespace)

    def preflight(self, plan: Plan, *, as_user: str | None = None) -> dict[ObjectKey, AgentError]:
        """All refusals that a server-side dry run of new content meets.

        Writes nothing.

        `refusals.Immutable` among them are changes that only a replacement can make.
        """

        def dry_run(action: Action) -> AgentError | None:
            try:
                self._objects.apply(body_of(action, plan, self._live.authority), dry_run=True, as_user=as_user)
            except AgentError as error:
                self._heard(error)
                return classify(error, action.key)
            self._heard(None)
            return None

        refused = preflight.ask(
            plan,
            dry_run=dry_run,
            spread=lambda ask, actions: [ask(actions[0])] if len(actions) == 1 else list(self._pool.map(ask, actions)),
            impersonated=as_user is not None,
        )
        name_missing(self._objects, refused.values(), as_user)
        return refused

    def read(self, keys: Iterable[ObjectKey]) -> None:
        """Reads objects into the live state; a missing one stays.

        Raises:
            AgentError: the API server did not answer.
        """
        for key in sorted(keys):
            with suppress(NotFound, UnknownKind):
                self._live.put(observe(self._objects.get(key)))

    def verify(self, plan: Plan, actions: Sequence[Action], *, as_user: str | None = None) -> dict[ObjectKey, LiveObject]:
        """What objects would be after another apply, by dry runs.

        Those of which the API server does not say it are left out.
        """

        def ask(action: Action) -> LiveObject | None:
            try:
                return observe(self._objects.apply(body_of(action, plan, self._live.authority), dry_run=True, as_user=as_user))
            except AgentError as error:
                self._heard(error)
                return None

        answers = [ask(actions[0])] if len(actions) == 1 else list(self._pool.map(ask, actions))
        return {action.key: answer for action, answer in zip(actions, answers, strict=True) if answer is not None}

    def _ready(self, key: ObjectKey, until: Until) -> bool:
        return is_reached(self._live, key, until)

    def _run(self, action: Action, plan: Plan, *, as_user: str | None) -> tuple[Outcome, Done | None]:
        started = self._clock()
        done: Done | None = None
        error: AgentError | None = None
        try:
            if action.kind is ActionKind.DELETE:
                done = self._writer.delete(action, as_user=as_user)
            elif action.kind is ActionKind.REPLACE:
                done = self._writer.replace(action, plan, as_user=as_user)
            else:
                done = self._writer.apply(action, plan, as_user=as_user)
        except AgentError as refusal:
            error = classify(refusal, action.key)
        self._heard(error)
        outcome = Outcome(
            key=action.key,
            kind=action.kind,
            ok=done is not None and not done.parked,
            error=error,
            seconds=self._clock() - started,
            changed=done is not None and done.changed,
        )
        return outcome, done

    def _heard(self, error: AgentError | None) -> None:
        if isinstance(error, Throttled):
            self.window.throttled()
        else:
            self.window.answered()
