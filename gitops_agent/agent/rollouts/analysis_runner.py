"""Runs the metrics of rollouts that hold, on threads of its own.

A machine that waits for a response blocks everything else, so providers are queried here, and the machine only ever sees
measurements that have ended. One thread schedules, a small pool queries; a provider that hangs delays its own metric and
nothing else. A measurement that is no longer needed is never started, its late result is dropped, and its Job is ended.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.rollouts.analysis_run import AnalysisRun
from gitops_agent.agent.rollouts.metric_jobs import JobScope, MetricJobs
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.rollout_metrics import Metric as Wanted
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import NO_SECRET, SecretContent, SecretReader
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.observe import metrics
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
_LONGEST_REQUEST_SECONDS = 60.0
_ERROR_RETRY = timedelta(seconds=10)
_JOB_LOOK = timedelta(seconds=1)
_KEPT = 10
_DECIDED = frozenset({Verdict.SUCCESS, Verdict.FAILURE})
_REMEMBERED = 64


@dataclass(slots=True)
class _RunningJob:
    """A Job that is waited for.

    Attributes:
        name: of it.
        started: monotonic seconds.
        timeout: how long it may take; None until it was made.
    """

    name: str
    started: float
    timeout: timedelta | None = None


@dataclass(slots=True)
class _ActiveRun:
    """A run under way, with its results so far."""

    run: AnalysisRun
    results: deque[Seen] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    shown: dict[str, deque[Measurement]] = field(default_factory=dict)
    rounds: dict[str, list[tuple[float | None, float | None]]] = field(default_factory=dict)
    jobs: dict[str, _RunningJob] = field(default_factory=dict)


class AnalysisRunner:
    """Measures in the background and keeps the results; thread-safe.

    Args:
        secrets: hold the credentials of providers.
        objects: makes and reads Jobs.
        policies: know the application of a policy.
        wake: wakes the application whose measurement ended.
        hosts: those that providers may have.
        now: aware, UTC.

    Attributes:
        hosts: those that providers may have.
    """

    def __init__(
        self,
        secrets: SecretReader,
        objects: Objects,
        policies: RolloutPolicyStore,
        wake: Wake,
        *,
        hosts: AllowedHosts = ANYWHERE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._secrets, self._policies, self._wake = secrets, policies, wake
        self.hosts, self._now = hosts, now
        self._jobs = MetricJobs(objects)
        self._runs: dict[AppKey, _ActiveRun] = {}
        self._tidy: set[AppKey] = set()
        self._due: list[tuple[float, int, _ActiveRun, Wanted]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._pool = ThreadPoolExecutor(_ASKERS, thread_name_prefix="measure")
        self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)

    def start(self) -> None:
        """Starts the scheduling thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; requests under way end by themselves."""
        with self._changed:
            self._stopped = True
            self._runs.clear()
            self._changed.notify()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._thread.ident is not None:
            self._thread.join(1)

    def want(self, run: AnalysisRun) -> None:
        """Starts measuring a run; the same run again changes nothing."""
        with self._changed:
            previous = self._runs.get(run.policy)
            if self._stopped or (previous is not None and previous.run == run):
                return
            active = self._runs[run.policy] = _ActiveRun(run=run)
            if previous is not None and previous.run.hash == run.hash:
                active.results, active.shown = previous.results, previous.shown
            if run.jobs:
                # Those of an earlier Hold, or of an earlier process, run on though nothing waits for them.
                self._tidy_up(run.scope)
                self._tidy.discard(run.policy)
            for metric in run.metrics:
                self._schedule(active, metric, run.since + (metric.initial_delay or timedelta(0)) - self._now())

    def drop(self, policy: AppKey, scope: JobScope | None = None) -> None:
        """Ends the measurements of a policy and drops their results.

        Args:
            policy: its namespace and name.
            scope: of its Jobs, where it may have made some.
        """
        with self._changed:
            self._runs.pop(policy, None)
            if scope is not None and not self._stopped:
                self._tidy_up(scope)

    def forget(self, policy: AppKey) -> None:
        """Drops everything about a policy that was deleted, with its Jobs."""
        self.drop(policy)
        with self._changed:
            self._tidy.discard(policy)

    def results(self, policy: AppKey) -> tuple[Seen, ...]:
        """The measurements that ended lately, without those dated in the future.

        A clock that was set back leaves such. They were counted before, and would count twice once the clock is there.
        """
        with self._changed:
            active = self._runs.get(policy)
            if active is None:
                return ()
            now = self._now()
            if any(result.at > now for result in active.results):
                active.results = deque((result for result in active.results if result.at <= now), maxlen=_REMEMBERED)
            return tuple(active.results)

    def shown(self, policy: AppKey) -> tuple[Object, ...]:
        """The last measurements of each metric, for a status."""
        with self._changed:
            active = self._runs.get(policy)
            if active is None:
                return ()
            dry = {metric.name for metric in active.run.metrics if metric.dry_run}
            return tuple(
                {
                    "metric": name,
                    **({"dryRun": True} if name in dry else {}),
                    "measurements": [measurement.written() for measurement in kept],
                }
                for name, kept in sorted(active.shown.items())
            )

    def _tidy_up(self, scope: JobScope) -> None:
        """Ends the Jobs of a policy that nothing waits for.

        Once, until it has new ones.
        """
        if scope.policy not in self._tidy:
            self._tidy.add(scope.policy)
            self._pool.submit(self._sweep, scope)

    def _sweep(self, scope: JobScope) -> None:
        try:
            self._jobs.sweep(scope, lambda: self._waited(scope.policy))
        except AgentError as error:
            _log.warning("Jobs of a rollout could not be ended", policy=str(scope.policy), error=error)
            with self._changed:
                self._tidy.discard(scope.policy)

    def _waited(self, policy: AppKey) -> frozenset[str]:
        with self._changed:
            active = self._runs.get(policy)
            return frozenset(job.name for job in active.jobs.values()) if active is not None else frozenset()

    # Measuring

    def _schedule(self, active: _ActiveRun, wanted: Wanted, pause: timedelta) -> None:
        """Schedules a measurement by the monotonic clock.

        A wall clock that is set back would delay it for hours.
        """
        due = time.monotonic() + max(pause.total_seconds(), 0)
        heapq.heappush(self._due, (due, next(self._order), active, wanted))
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                _, _, active, metric = heapq.heappop(self._due)
                if self._runs.get(active.run.policy) is not active:
                    continue
                self._pool.submit(self._measure, active, metric)

    def _measure(self, active: _ActiveRun, wanted: Wanted) -> None:
        """Measures or polls a Job once, then schedules the next measurement."""
        try:
            measurement = self._job(active, wanted) if wanted.provider.job is not None else self._asked(active, wanted)
        except AgentError as error:
            measurement = failed(str(error), at=self._now())
        except Exception as error:  # noqa: BLE001 - an unexpected error in one measurement is that measurement's error
            _log.error("unexpected error in a measurement", metric=wanted.name, error=error, exc_info=True)
            measurement = failed(f"unexpected {type(error).__name__}", at=self._now())
        with self._changed:
            if self._stopped or self._runs.get(active.run.policy) is not active:
                return
            pause = wanted.interval
            if measurement is not None:
                self._keep(active, wanted, measurement)
                pause = min(pause, _ERROR_RETRY) if measurement.verdict is Verdict.ERROR else pause
            elif wanted.provider.job is not None:
                pause = _JOB_LOOK
            # Repeated tests fail a healthy canary sooner or later by chance: a comparison has one verdict in a Hold.
            if wanted.compare is None or measurement is None or measurement.verdict not in _DECIDED:
                self._schedule(active, wanted, pause)
        if measurement is not None:
            policy = active.run.policy
            application = self._policies.owner(ROLLOUT_POLICY.named(policy.namespace, policy.name))
            if application is not None:
                self._wake(application, "a metric was measured", Priority.COMMIT)

    def _keep(self, active: _ActiveRun, wanted: Wanted, measurement: Measurement) -> None:
        metrics.MEASUREMENTS.labels(str(active.run.policy), wanted.name, str(measurement.verdict)).inc()
        answer = Answer(measurement.verdict)
        value = f" (it is {measurement.value})" if measurement.value and measurement.message else ""
        active.results.append(
            Seen(
                metric=wanted.name,
                at=measurement.at,
                answer=answer,
                hash=active.run.hash,
                message=f"{measurement.message}{value}",
            )
        )
        active.shown.setdefault(wanted.name, deque(maxlen=_KEPT)).append(measurement)
        _log.info(
            "measured",
            policy=str(active.run.policy),
            metric=wanted.name,
            verdict=str(measurement.verdict),
            value=measurement.value,
            message=measurement.message,
        )

    def _asked(self, active: _ActiveRun, wanted: Wanted) -> Measurement | None:
        """Measures once; None while a comparison is still collecting."""
        metric = dispatch.metric(wanted)
        name = dispatch.secret_name(wanted)
        secret = self._secrets.read(active.run.policy.namespace, name) if name else NO_SECRET
        if metric.compare is None:
            return measured(metric, self._value(active, wanted, secret, canary=True), at=self._now())
        above, below = (_number(self._value(active, wanted, secret, canary=side)) for side in (True, False))
        rounds = active.rounds.setdefault(wanted.name, [])
        rounds.append((above, below))
        canary = [value for value, _ in rounds if value is not None]
        stable = [value for _, value in rounds if value is not None]
        enough = max(wanted.samples, metric.compare.minimum)
        # A side that is silent at first is waited for; one that stays silent ends the comparison all the same.
        if min(len(canary), len(stable)) < enough and len(rounds) < 2 * enough:
            return None
        rounds.clear()
        return compared(metric, metric.compare, canary, stable, at=self._now())

    def _value(self, active: _ActiveRun, wanted: Wanted, secret: SecretContent, *, canary: bool) -> object:
        run = active.run
        facts = {
            "variant": "canary" if canary else "primary",
            "namespace": run.namespace,
            "workload": run.canary if canary else run.stable,
            "service": run.service,
            "hash": run.hash if canary else run.stable_hash,
        }
        query = dispatch.ask(wanted, facts=facts, secret=secret.data, at=self._now())
        request = Request(method=query.method, url=query.url, headers=query.headers, body=query.body)
        try:
            answer = HttpClient(timeout_seconds=_seconds(wanted), hosts=self.hosts).send(request, secret=secret.hosts)
        except AgentError as error:
            raise MeasurementFailed(f"{query}: {error}", transient=True) from None
        try:
            return dispatch.answer(wanted, answer.status, answer.body)
        except MeasurementFailed as error:
            raise MeasurementFailed(f"{query}: {error}", transient=error.transient) from None

    def _job(self, active: _ActiveRun, wanted: Wanted) -> Measurement | None:
        """Starts or polls the Job of a measurement; None while it runs."""
        run = active.run
        job = active.jobs.get(wanted.name)
        if job is None:
            self._start_job(active, wanted)
            return None
        try:
            ended = self._jobs.ended(run.policy, wanted, job.name)
        except AgentError as error:
            if error.transient and not _late(job):
                return None
            active.jobs.pop(wanted.name, None)
            raise
        if ended is None and not _late(job):
            return None
        active.jobs.pop(wanted.name, None)
        if ended is None:
            return failed(self._jobs.expire(run.scope, job.name, job.timeout or timedelta(0)), at=self._now())
        verdict, message = ended
        return Measurement(at=self._now(), verdict=verdict, message=message)

    def _start_job(self, active: _ActiveRun, wanted: Wanted) -> None:
        """Makes a Job whose name is known before, for sweeps."""
        run = active.run
        job = _RunningJob(name=self._jobs.name(run.policy, wanted, version=run.hash, at=self._now()), started=time.monotonic())
        with self._changed:
            if self._runs.get(run.policy) is not active:
                return
            active.jobs[wanted.name] = job
        try:
            job.timeout = self._jobs.start(run.scope, wanted, job.name, version=run.hash)
        except AgentError:
            active.jobs.pop(wanted.name, None)
            raise
        with self._changed:
            needed = self._runs.get(run.policy) is active
        if not needed:
            # Given up while it was made, and after the Jobs of the policy were listed.
            self._jobs.end(run.scope, job.name)


def _seconds(wanted: Wanted) -> float:
    """The seconds a request gets."""
    return _TIMEOUT_SECONDS if wanted.timeout is None else min(wanted.timeout.total_seconds(), _LONGEST_REQUEST_SECONDS)


def _late(job: _RunningJob) -> bool:
    return job.timeout is not None and time.monotonic() - job.started > job.timeout.total_seconds()


def _number(value: object) -> float | None:
    """A finite number, which can be compared; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, float | int):
        return None
    return float(value) if math.isfinite(value) else None
