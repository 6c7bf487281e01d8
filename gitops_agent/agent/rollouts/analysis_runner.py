"""Runs the metrics of rollouts that hold, on threads of its own.

A machine that waits for an answer holds up everything else, so asking is done here, on threads of its own, and the machine only
ever sees measurements that have ended. One thread knows when what is due, a small pool asks; a provider that hangs costs its
own metric time and nothing else. What is no longer wanted is never started, and its late answers are dropped.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.rollouts.metric_jobs import MetricJobs
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.rollout_metrics import Metric as Wanted
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import SecretReader
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.observe.log import logger
from gitops_agent.rollout.analysis import dispatch
from gitops_agent.rollout.analysis.comparison import compared
from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.rollout.analysis.measurement import Measurement, failed, measured
from gitops_agent.rollout.analysis.metric import Verdict
from gitops_agent.rollout.observation import Answer
from gitops_agent.rollout.observation import Measurement as Seen

_log = logger("rollout")
_ASKERS = 8
_TIMEOUT_SECONDS = 10.0
_ERROR_RETRY = timedelta(seconds=10)
_JOB_LOOK = timedelta(seconds=1)
_KEPT = 10
_SAID = frozenset({Verdict.SUCCESS, Verdict.FAILURE})
_REMEMBERED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRun:
    """What is to be measured for one rollout.

    Attributes:
        policy: namespace and name of the policy.
        namespace: of the workload.
        canary: the name of the second Deployment; the workload's own where there is none.
        stable: the name of the Deployment it is compared with: the baseline, or the workload itself.
        stable_hash: the version of that.
        service: the Service whose traffic is split; may be empty.
        hash: the version that is measured.
        metrics: what is measured.
        hold: names the Hold: delays and comparisons begin anew with each.
        since: when the Hold began, UTC.
    """

    policy: AppKey
    namespace: str
    canary: str
    stable: str
    stable_hash: str
    service: str
    hash: str
    metrics: tuple[Wanted, ...]
    hold: str
    since: datetime


@dataclass(slots=True)
class _ActiveRun:
    """What is going on for one assignment."""

    assignment: AnalysisRun
    results: deque[Seen] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    shown: dict[str, deque[Measurement]] = field(default_factory=dict)
    rounds: dict[str, list[tuple[float | None, float | None]]] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)


class AnalysisRunner:
    """Measures in the background and keeps the results; thread-safe.

    Args:
        secrets: hold the credentials of providers.
        objects: makes and reads Jobs.
        policies: know the application of a policy.
        wake: wakes the application whose measurement ended.
        now: aware, UTC.
        timeout_seconds: for one request.
    """

    def __init__(
        self,
        secrets: SecretReader,
        objects: Objects,
        policies: RolloutPolicyStore,
        wake: Wake,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._secrets, self._policies, self._wake = secrets, policies, wake
        self._now, self._timeout = now, timeout_seconds
        self._jobs = MetricJobs(objects)
        self._courses: dict[AppKey, _ActiveRun] = {}
        self._due: list[tuple[float, int, _ActiveRun, Wanted]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._pool = ThreadPoolExecutor(_ASKERS, thread_name_prefix="measure")
        self._thread = threading.Thread(target=self._run, name="measuring", daemon=True)

    def start(self) -> None:
        """Starts asking."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it; requests under way end by themselves."""
        with self._changed:
            self._stopped = True
            self._courses.clear()
            self._changed.notify()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._thread.ident is not None:
            self._thread.join(1)

    def want(self, assignment: AnalysisRun) -> None:
        """Measures this from now on; the same assignment again changes nothing."""
        with self._changed:
            known = self._courses.get(assignment.policy)
            if self._stopped or (known is not None and known.assignment == assignment):
                return
            course = self._courses[assignment.policy] = _ActiveRun(assignment=assignment)
            if known is not None and known.assignment.hash == assignment.hash:
                course.results, course.shown = known.results, known.shown
            for wanted in assignment.metrics:
                self._schedule(course, wanted, assignment.since + (wanted.initial_delay or timedelta(0)) - self._now())

    def drop(self, policy: AppKey) -> None:
        """Measures nothing more for a policy; what was measured goes with its rollout."""
        with self._changed:
            self._courses.pop(policy, None)

    def results(self, policy: AppKey) -> tuple[Seen, ...]:
        """The measurements that ended lately; when the clock was set back, none of those the old clock dated ahead of it.

        They have been told before, and what is told again after it was counted would count twice once the clock is there.
        """
        with self._changed:
            course = self._courses.get(policy)
            if course is None:
                return ()
            now = self._now()
            if any(one.at > now for one in course.results):
                course.results = deque((one for one in course.results if one.at <= now), maxlen=_REMEMBERED)
            return tuple(course.results)

    def shown(self, policy: AppKey) -> tuple[Object, ...]:
        """The last measurements of each metric, for a status."""
        with self._changed:
            course = self._courses.get(policy)
            if course is None:
                return ()
            dry = {one.name for one in course.assignment.metrics if one.dry_run}
            return tuple(
                {
                    "metric": name,
                    **({"dryRun": True} if name in dry else {}),
                    "measurements": [one.written() for one in kept],
                }
                for name, kept in sorted(course.shown.items())
            )

    # Asking

    def _schedule(self, course: _ActiveRun, wanted: Wanted, pause: timedelta) -> None:
        """Puts a measurement on the list; by a clock nobody sets, or one that is set back would blind a run for hours."""
        due = time.monotonic() + max(pause.total_seconds(), 0)
        heapq.heappush(self._due, (due, next(self._order), course, wanted))
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                _, _, course, wanted = heapq.heappop(self._due)
                if self._courses.get(course.assignment.policy) is not course:
                    continue
                self._pool.submit(self._measure, course, wanted)

    def _measure(self, course: _ActiveRun, wanted: Wanted) -> None:
        """One measurement, or one look at a Job; then the next is put on the list."""
        try:
            found = self._job(course, wanted) if wanted.provider.job is not None else self._asked(course, wanted)
        except AgentError as error:
            found = failed(str(error), at=self._now())
        except Exception as error:  # noqa: BLE001 - a surprise in one measurement is that measurement's error
            _log.error("unexpected error in a measurement", metric=wanted.name, error=error, exc_info=True)
            found = failed(f"unexpected {type(error).__name__}", at=self._now())
        with self._changed:
            if self._stopped or self._courses.get(course.assignment.policy) is not course:
                return
            pause = wanted.interval
            if found is not None:
                self._keep(course, wanted, found)
                pause = min(pause, _ERROR_RETRY) if found.verdict is Verdict.ERROR else pause
            elif wanted.provider.job is not None:
                pause = _JOB_LOOK
            # Looked at again and again, a healthy canary is sooner or later unlucky: a comparison has one verdict in a Hold.
            if wanted.compare is None or found is None or found.verdict not in _SAID:
                self._schedule(course, wanted, pause)
        if found is not None:
            policy = course.assignment.policy
            application = self._policies.owner(ROLLOUT_POLICY.named(policy.namespace, policy.name))
            if application is not None:
                self._wake(application, "a metric was measured", Priority.COMMIT)

    def _keep(self, course: _ActiveRun, wanted: Wanted, found: Measurement) -> None:
        answer = Answer(found.verdict)
        course.results.append(Seen(metric=wanted.name, at=found.at, answer=answer, hash=course.assignment.hash))
        course.shown.setdefault(wanted.name, deque(maxlen=_KEPT)).append(found)
        _log.info(
            "measured",
            policy=str(course.assignment.policy),
            metric=wanted.name,
            verdict=str(found.verdict),
            value=found.value,
            message=found.message,
        )

    def _asked(self, course: _ActiveRun, wanted: Wanted) -> Measurement | None:
        """What a provider answers now; None while a comparison is still collecting."""
        metric = dispatch.metric(wanted)
        secret: Mapping[str, bytes] = {}
        if name := dispatch.secret_name(wanted):
            secret = self._secrets.data(course.assignment.policy.namespace, name)
        if metric.compare is None:
            return measured(metric, self._value(course, wanted, secret, canary=True), at=self._now())
        above, below = (_number(self._value(course, wanted, secret, canary=side)) for side in (True, False))
        rounds = course.rounds.setdefault(wanted.name, [])
        rounds.append((above, below))
        canary = [one for one, _ in rounds if one is not None]
        stable = [one for _, one in rounds if one is not None]
        enough = max(wanted.samples, metric.compare.minimum)
        # A side that is silent at first is waited for; one that stays silent must be told, or nothing would ever be said.
        if min(len(canary), len(stable)) < enough and len(rounds) < 2 * enough:
            return None
        rounds.clear()
        return compared(metric, metric.compare, canary, stable, at=self._now())

    def _value(self, course: _ActiveRun, wanted: Wanted, secret: Mapping[str, bytes], *, canary: bool) -> object:
        assignment = course.assignment
        facts = {
            "variant": "canary" if canary else "primary",
            "namespace": assignment.namespace,
            "workload": assignment.canary if canary else assignment.stable,
            "service": assignment.service,
            "hash": assignment.hash if canary else assignment.stable_hash,
        }
        query = dispatch.ask(wanted, facts=facts, secret=secret, at=self._now())
        request = Request(method=query.method, url=query.url, headers=query.headers, body=query.body)
        try:
            answer = HttpClient(timeout_seconds=self._timeout).send(request)
        except AgentError as error:
            raise MeasurementFailed(f"{query}: {error}", transient=True) from None
        return dispatch.answer(wanted, answer.status, answer.body)

    def _job(self, course: _ActiveRun, wanted: Wanted) -> Measurement | None:
        """Starts the Job of a measurement, or looks whether it has ended; None while it runs."""
        assignment = course.assignment
        name = course.jobs.get(wanted.name)
        if name is None:
            course.jobs[wanted.name] = self._jobs.start(assignment.policy, wanted, version=assignment.hash, at=self._now())
            return None
        ended = self._jobs.ended(assignment.policy, wanted, name)
        if ended is None:
            return None
        del course.jobs[wanted.name]
        verdict, message = ended
        return Measurement(at=self._now(), verdict=verdict, message=message)


def _number(value: object) -> float | None:
    """A value as a number that can be compared; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, float | int):
        return None
    return float(value) if math.isfinite(value) else None
