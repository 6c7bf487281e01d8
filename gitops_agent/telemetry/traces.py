"""One trace for each revision of an Application that comes live.

Problem: the work on a commit is spread over several threads and many short reconciles, and most reconciles are about nothing
new. A span that lives on a stack cannot span them.
Decision: the stages report what they did, with its times, and a run is kept here for (application, revision), from the first
plan that changes something until the commit is live, failed or gives way to another one. What came before the plan (the fetch,
the render) is remembered in small bounded tables, so commits that leave an application alone make no span at all. Without a
collector every call returns at once. A restart ends the runs: the next process does not go on with a trace of the last one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from gitops_agent.telemetry import trace_link

if TYPE_CHECKING:
    from gitops_agent.telemetry.spans import Attributes, OpenSpan, Spans

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_RUNS = 1000
_REMEMBERED = 10_000
_LONGEST_NS = 24 * 3600 * 1_000_000_000
"""A run that is not over after a day ends as a timeout; a canary may take hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The commit that a run is about.

    Attributes:
        application: `namespace/name`.
        commit: the revision.
        message: of the commit; its trailers may name a trace.
        facts: attributes of the span.
    """

    application: str
    commit: str
    message: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where one rollout stands.

    Attributes:
        name: of the rollout.
        phase: of its machine.
        weight: percent of the traffic that is to go to the new version.
    """

    name: str
    phase: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a reconcile found out about a commit.

    Attributes:
        commit: the newest one.
        plan: the hash of its plan; a commit that declares the same goes on with the run of the one before.
        live: it is Synced and healthy.
        failure: a code from the table of reasons; empty unless it failed for good.
        unplanned: it failed before there was a plan.
        steps: of rollouts under way.
    """

    commit: str
    plan: str = ""
    live: bool = False
    failure: str = ""
    unplanned: bool = False
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class _Run:
    """A commit on its way."""

    subject: Subject
    root: OpenSpan
    id: str
    plan: str
    since: int
    url: str = ""
    applied: int = 0
    tasks: int = 0
    steps: dict[str, tuple[Step, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """Work that was done before there was a run."""

    commit: str
    start: int
    end: int
    error: str = ""
    facts: Attributes = field(default_factory=dict)


class RevisionTraces:
    """Makes the traces; thread-safe, and off until `start`.

    Args:
        clock: Unix time in nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._spans: Spans | None = None
        self._external_url = ""
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._fetches: OrderedDict[tuple[str, str], _Task] = OrderedDict()
        self._renders: OrderedDict[str, _Task] = OrderedDict()
        self._traced: OrderedDict[str, str] = OrderedDict()
        self._number = 0
        self.cluster = ""

    @property
    def enabled(self) -> bool:
        """Whether traces are made."""
        return self._spans is not None

    def now(self) -> int:
        """Unix time in nanoseconds."""
        return self._clock()

    def start(self, spans: Spans, external_url: str = "") -> None:
        """Makes traces from now on.

        Args:
            spans: makes and exports them.
            external_url: where people reach the dashboard.
        """
        self._spans, self._external_url = spans, external_url.rstrip("/")

    def stop(self) -> None:
        """Ends every run, and makes no more traces."""
        with self._lock:
            for application in list(self._runs):
                self._end(application, "cancellation", "Stopped")
            self._spans = None

    def ids(self, application: object) -> tuple[str, str] | None:
        """The ids of the trace and span under way, for log lines."""
        run = self._runs.get(str(application)) if self._spans is not None else None
        return (run.root.trace_id, run.root.span_id) if run is not None else None

    def fetched(self, repository: str, commits: Iterable[str], start: int) -> None:
        """A poll of a repository brought commits."""
        if self._spans is None:
            return
        with self._lock:
            for commit in commits:
                task = _Task(commit=commit, start=start, end=self._clock())
                _remember(self._fetches, (repository, commit), task, _RUNS)

    def rendered(self, application: str, commit: str, start: int, error: str, facts: Attributes) -> None:
        """A commit was rendered, or failed to with a reason."""
        if self._spans is None:
            return
        with self._lock:
            task = _Task(commit=commit, start=start, end=self._clock(), error=error, facts=facts)
            _remember(self._renders, application, task, _REMEMBERED)

    def planned(self, subject: Subject, plan: str, start: int, facts: Attributes) -> None:
        """A plan was made that changes an application; begins its run."""
        with self._lock:
            if self._spans is None or self._traced.get(subject.application) == subject.commit:
                return
            end = self._clock()
            run = self._begin(self._spans, subject, plan, start)
            self._task(run, "plan", start, end, facts)

    def applied(self, application: str, commit: str, start: int, error: str, facts: Attributes) -> None:
        """Something of a commit was written."""
        with self._lock:
            run = self._runs.get(application)
            if self._spans is None or run is None or run.subject.commit != commit:
                return
            run.applied = self._clock()
            self._task(run, "apply", start, run.applied, facts, error=error)

    def stands(self, subject: Subject, standing: Standing) -> None:
        """A reconcile has ended; ends the run where the commit is through."""
        with self._lock:
            if self._spans is None:
                return
            run, application = self._runs.get(subject.application), subject.application
            if run is None and standing.unplanned and self._unplanned(subject):
                render = self._renders[application]
                run = self._begin(self._spans, subject, "", render.start)
            if run is None:
                return
            if run.subject.commit != standing.commit and (not run.plan or run.plan != standing.plan):
                if standing.live:
                    self._end(application, "cancellation", "Superseded")
                return
            self._follow(run, standing.steps)
            if standing.live:
                self._end(application, "success", "")
            elif standing.failure:
                self._end(application, "failure", standing.failure)

    def forget(self, application: str) -> None:
        """The Application is gone."""
        if self._spans is None:
            return
        with self._lock:
            self._end(application, "cancellation", "Deleted")
            self._renders.pop(application, None)
            self._traced.pop(application, None)

    def _unplanned(self, subject: Subject) -> bool:
        """Whether the failed render of a commit has no trace yet."""
        render = self._renders.get(subject.application)
        failed = render is not None and render.commit == subject.commit and bool(render.error)
        return failed and self._traced.get(subject.application) != subject.commit

    def _begin(self, spans: Spans, subject: Subject, plan: str, start: int) -> _Run:
        """The run of a commit, with what was done for it before."""
        application = subject.application
        self._end(application, "cancellation", "Superseded")
        self._expire()
        repository = subject.facts.get("vcs.repository.url.full", "")
        base = subject.commit.partition("+")[0]
        fetch = self._fetches.get((repository, base))
        render = self._renders.pop(application, None)
        render = render if render is not None and render.commit in (subject.commit, base) else None
        before = [(name, task) for name, task in (("fetch", fetch), ("render", render)) if task is not None]
        self._number += 1
        namespace, _, name = application.partition("/")
        url = f"{self._external_url}/a/{namespace}/{name}" if self._external_url else ""
        identity = f"{plan or subject.commit}-{self._number}"
        attributes = {
            "cicd.pipeline.action.name": "SYNC",
            "cicd.pipeline.name": application,
            "cicd.pipeline.run.id": identity,
            "cicd.pipeline.run.url.full": url,
            "vcs.ref.head.revision": base,
            "k8s.cluster.uid": self.cluster,
            "gitops_agent.plan.hash": plan,
            **subject.facts,
        }
        since = min([start, *(task.start for _, task in before)])
        links = trace_link.links(subject.message)
        root = spans.begin(
            f"SYNC {application}", since, {key: value for key, value in attributes.items() if value}, links=links
        )
        run = self._runs[application] = _Run(subject=subject, root=root, id=identity, plan=plan, since=since, url=url)
        _remember(self._traced, application, subject.commit, _REMEMBERED)
        for name, task in before:
            self._task(run, name, task.start, task.end, task.facts, error=task.error)
        return run

    def _expire(self) -> None:
        """Ends runs that are too old, or too many."""
        for application, run in list(self._runs.items()):
            if self._clock() - run.since > _LONGEST_NS:
                self._end(application, "timeout", "Timeout")
        while len(self._runs) >= _RUNS:
            self._end(next(iter(self._runs)), "cancellation", "TooMany")

    def _task(self, run: _Run, name: str, start: int, end: int, facts: Attributes, *, error: str = "") -> None:
        """Adds a finished part of a run."""
        if self._spans is None:
            return
        run.tasks += 1
        attributes: dict[str, str | int | float | bool] = {
            "cicd.pipeline.task.name": name,
            "cicd.pipeline.task.type": "deploy",
            "cicd.pipeline.task.run.id": f"{run.id}/{run.tasks}",
            "cicd.pipeline.task.run.result": "failure" if error else "success",
            **({"cicd.pipeline.task.run.url.full": run.url} if run.url else {}),
            **facts,
        }
        self._spans.begin(name, start, attributes, parent=run.root).end(end, {}, error)

    def _follow(self, run: _Run, steps: tuple[Step, ...]) -> None:
        """Ends the steps of rollouts that are over, and begins the next."""
        now, current = self._clock(), {step.name: step for step in steps}
        for name, (step, since) in list(run.steps.items()):
            if current.get(name) != step:
                self._step(run, step, since, now)
                del run.steps[name]
        for name, step in current.items():
            run.steps.setdefault(name, (step, now))

    def _step(self, run: _Run, step: Step, start: int, end: int) -> None:
        facts: Attributes = {
            "gitops_agent.rollout.name": step.name,
            "gitops_agent.rollout.phase": step.phase,
            "gitops_agent.rollout.weight": step.weight,
        }
        self._task(run, "rollout step", start, end, facts)

    def _end(self, application: str, result: str, error: str) -> None:
        """Ends a run, with the wait for health that came last."""
        run = self._runs.pop(application, None)
        if run is None:
            return
        now = self._clock()
        for step, since in run.steps.values():
            self._step(run, step, since, now)
        if run.applied:
            self._task(run, "health", run.applied, now, {}, error=error)
        run.root.end(now, {"cicd.pipeline.result": result}, error)


def _remember(table: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Sets the newest entry of a bounded table."""
    table[key] = value
    table.move_to_end(key)
    while len(table) > most:
        table.popitem(last=False)


TRACES = RevisionTraces()
"""The traces of this process."""
