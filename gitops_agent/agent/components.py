"""Composition root: builds, starts and stops what a leader runs.

The order of the start is one tuple, and the end is its reverse: applies under way end at their next safe point (every point
between two API calls is one, and a write that waits for a thread is dropped), the clock and the watch of Applications stop
queueing, polls are cancelled, the queues close and their workers end, renders are cancelled, the watches end together, and
last the outbox and the Events are flushed. The lease is released after that. A lease that is lost refuses every write at once,
whatever has ended by then.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from gitops_agent.agent.desired import commit_verifier, poll_slots
from gitops_agent.agent.desired.commit_board import ApplicationCommits
from gitops_agent.agent.desired.commit_verifier import CommitVerifier
from gitops_agent.agent.desired.declared_state import DeclaredStateLoader
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.push_hints import PushHints, Tip
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.desired.unaffected_applications import UnaffectedApplications
from gitops_agent.agent.events import EventBroadcaster
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.reconcile.approvals import TRAILER
from gitops_agent.agent.reconcile.automatic_rollback import AutomaticRollback
from gitops_agent.agent.reconcile.deletion_budget import BudgetLimits, DeletionBudget
from gitops_agent.agent.reconcile.drift_events import DriftReporter
from gitops_agent.agent.reconcile.finalizer import Finalizer
from gitops_agent.agent.reconcile.health_assessor import HealthAssessor
from gitops_agent.agent.reconcile.hook_stage import HookStage
from gitops_agent.agent.reconcile.planner import Planner
from gitops_agent.agent.reconcile.reconciler import ApplicationReconciler
from gitops_agent.agent.reconcile.status_writer import StatusWriter
from gitops_agent.agent.reconcile.sync_pass import Stages
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRunner
from gitops_agent.agent.rollouts.controller import RolloutController
from gitops_agent.agent.rollouts.loader import RolloutLoader
from gitops_agent.agent.rollouts.stuck_pods import StuckPodRemover
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stall_detector import StallDetector
from gitops_agent.agent.stores.endpoint_slices import SPLIT_ONLY
from gitops_agent.agent.stores.incident_levels import IncidentLevels
from gitops_agent.agent.stores.notifiers import NotifierStore
from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.agent.worker_pool import WorkerPool
from gitops_agent.api.application_rules import ApplicationRules
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.concurrent_stop import stop_concurrently
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.fence import UNFENCED, Fence
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import Recorder
from gitops_agent.cluster.secrets import SecretReader
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.config import Settings
from gitops_agent.errors import AgentError, UnknownKind
from gitops_agent.httpclient.allowed_hosts import AllowedHosts
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION, AUTOSCALER, ENDPOINT_SLICE, GROUP, NOTIFIER, ROLLOUT_POLICY
from gitops_agent.manifest.marks import REQUEST_MANAGER
from gitops_agent.notify.delivery_worker import RetryPolicy
from gitops_agent.notify.dispatcher import DispatchOptions, NotificationDispatcher
from gitops_agent.observe.activities import ACTIVITIES
from gitops_agent.observe.log import logger
from gitops_agent.render.disk_cache import RenderCache
from gitops_agent.render.memory import memory_folder
from gitops_agent.render.request import KubeFacts, RenderLimits
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worker.launch import ProcessDialer, SocketDialer
from gitops_agent.source.repository import Repository
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.sources import Sources
from gitops_agent.sync.apply.executor import Executor
from gitops_agent.sync.drift.fight_detector import FightDetector
from gitops_agent.sync.health.explainer import Explainer
from gitops_agent.sync.health.expressions import compile_expressions
from gitops_agent.sync.planning.blast_radius import DependantCounter
from gitops_agent.telemetry.traces import TRACES

_log = logger("agent")
_CLUSTER_RETRY_SECONDS = 2.0
_STARTER_SECONDS = 5.0
_PATIENCE_SECONDS = 20.0
_START_LIMIT_SECONDS = 600.0
"""How long one component may take to start; it waits for nothing that a restart would not cure."""
_RECONCILE_LIMIT_SECONDS = 1800.0
"""Every call of a reconcile has a much shorter limit of its own; a poll may last as long as `source.timeoutSeconds` says."""
_NOTIFIERS_SECONDS = 10.0
_POLLS_END_SECONDS = 3.0
"""How long `stop` waits for polls, which are cancelled before their workers are waited for."""
_MEBIBYTE = 1024 * 1024


class Service(Protocol):
    """Runs in the background between its start and its stop."""

    def start(self) -> None:
        """Starts it, once."""

    def stop(self) -> None:
        """Ends it, whether it was started or not."""


class Components:
    """Everything a leader runs; made anew for every term.

    Args:
        settings: the effective configuration.
        transport: to the API server, as the agent.
        fence: asked before every write.
    """

    def __init__(self, settings: Settings, transport: Transport, *, fence: Fence = UNFENCED) -> None:
        self._transport = transport
        self._discovery = discovery = Discovery(transport)
        objects = Objects(transport, discovery, fence=fence)
        self.queue: WorkQueue[AppKey] = WorkQueue()
        repositories: WorkQueue[Repository] = WorkQueue(base=1.0)
        wake = self.queue.add
        self.stores = stores = build_stores(
            objects,
            self.queue,
            namespace=settings.cluster.namespace,
            rules=_rules(settings),
            git_hosts=_hosts(settings.source.allowed_secret_hosts, "source.allowedSecretHosts", "credentials"),
            expressions=compile_expressions(settings.health.expressions),
        )
        cache = Path(settings.source.cache_dir)
        sources = Sources(
            cache / "mirrors", allow_file=settings.source.allow_file, timeout_seconds=settings.source.timeout_seconds
        )
        workers = _render_workers(settings)
        self.renders = RenderPool(workers, wake, concurrency=settings.render.concurrency, cache=RenderCache(cache / "rendered"))
        commits = ApplicationCommits(stores.applications, sources, self.renders)
        dispatcher = _dispatcher(settings, objects, stores.secrets, commits, IncidentLevels(stores.applications))
        self.events = events = EventBroadcaster(dispatcher, Recorder(objects))
        requests = Objects(transport, discovery, field_manager=REQUEST_MANAGER, fence=fence)
        self.access = ClusterClient(transport, discovery, requests, settings.cluster.namespace)
        scheduler = Scheduler()
        self.poller = SourcePoller(sources, stores.secrets, scheduler, repositories, wake=wake, events=events)
        signatures: WorkQueue[AppKey] = WorkQueue(base=1.0)
        verdicts = VerdictCache(cache / "verdicts.sqlite")
        verifier = CommitVerifier(sources, stores.secrets, signatures, verdicts, wake)
        self._loader = loader = DeclaredStateLoader(self.poller, self.renders, discovery, stores, wake, verifier=verifier)

        metric_hosts = _hosts(settings.analysis.allowed_hosts, "analysis.allowedHosts", "a query of metrics")
        analysis = AnalysisRunner(stores.secrets, objects, stores.policies, wake, hosts=metric_hosts)
        rollout_loader = RolloutLoader(stores, loader, analysis, objects)
        rollouts = RolloutController(stores, rollout_loader, analysis, StuckPodRemover(objects), events)

        writers = ThreadPoolExecutor(settings.sync.apply_concurrency, thread_name_prefix="apply")
        executor = Executor(objects, writers, stores.live, autoscalers=stores.autoscalers)
        dependants = DependantCounter(objects, discovery, stores.live)
        trailers = settings.sync.approval == TRAILER
        planner = Planner(stores, loader.claims, dependants, settings.cluster.namespace, trailers=trailers)
        limits = BudgetLimits(
            objects=settings.agent.deletion_budget,
            percent=settings.agent.deletion_budget_percent,
            window_seconds=settings.agent.deletion_window_seconds,
        )
        budget = DeletionBudget(stores.applications, limits)
        applier = Applier(planner, executor, stores.live, loader.barrier, DriftReporter(events, FightDetector()), budget=budget)
        hooks = HookStage(objects, stores, Explainer(objects))
        stages = Stages(
            finalizer=Finalizer(objects, stores, applier, hooks),
            loader=loader,
            rollback=AutomaticRollback(loader, stores.applications),
            rollouts=rollouts,
            applier=applier,
            hooks=hooks,
            health=HealthAssessor(Explainer(objects)),
            status=StatusWriter(objects, events, stores.applications, commits=commits),
        )
        self.poller.unaffected = unaffected = UnaffectedApplications(
            stores.applications, sources, self.renders, loader.barrier, commits, wake=wake
        )
        self.reconciler = ApplicationReconciler(stages, stores, self.queue, scheduler, unaffected)
        hinted: WorkQueue[Tip] = WorkQueue()
        self.hints = PushHints(
            self.poller, stores.secrets, hinted, secret=(settings.cluster.namespace, settings.webhooks.secret)
        )

        own = WatchOptions(namespace=settings.cluster.namespace)
        self._applications = Informer(objects, APPLICATION, stores.applications, options=own)
        self._slices = Informer(objects, ENDPOINT_SLICE, stores.endpoints, options=SPLIT_ONLY)
        self._workers = WorkerPool(
            "worker", self.queue, self.reconciler, count=settings.sync.workers, limit_seconds=_RECONCILE_LIMIT_SECONDS
        )
        self._source_workers = WorkerPool(
            "git", repositories, self.poller, count=poll_slots.WORKERS, end_seconds=_POLLS_END_SECONDS
        )
        self._verifiers = WorkerPool(
            "signatures", signatures, verifier, count=commit_verifier.WORKERS, end_seconds=_POLLS_END_SECONDS
        )
        webhooks = (
            (WorkerPool("webhooks", hinted, self.hints, count=1, end_seconds=_POLLS_END_SECONDS),)
            if settings.webhooks.enabled
            else ()
        )
        self._services: tuple[Service, ...] = (
            StallDetector(),
            _Mirrors(sources, verdicts),
            stores.secrets,
            stores.config_maps,
            events,
            _Threads(writers),
            _Watches(
                stores.mark_key,
                stores.informer,
                Informer(objects, AUTOSCALER, stores.autoscalers, on_error=stores.autoscalers.failed),
                Informer(objects, ROLLOUT_POLICY, stores.policies),
                self._slices,
                stores.prerequisites,
                _FirstList(Informer(objects, NOTIFIER, NotifierStore(objects, dispatcher), options=own)),
            ),
            analysis,
            workers,
            self.renders,
            self._verifiers,
            self._source_workers,
            *webhooks,
            self._workers,
            self.poller,
            self._applications,
            scheduler,
            applier,
        )
        self._stopping = threading.Event()
        self._starter = threading.Thread(target=self._start, name="start", daemon=True)

    def start(self) -> None:
        """Starts everything, on its own thread while the API server is awaited."""
        self._starter.start()

    def failure(self) -> str:
        """What a restart would cure; empty while nothing has failed.

        Such as a worker that ended or hangs. While the start waits for the cluster, nothing has failed.
        """
        if hung := ACTIVITIES.hung():
            return hung
        pools = (self._workers, self._source_workers, self._verifiers)
        if self.starting or (self._applications.watch is not None and all(pool.alive() for pool in pools)):
            return ""
        return "a worker thread has ended"

    @property
    def starting(self) -> bool:
        """Whether the start is still ahead or under way."""
        return self._starter.ident is None or self._starter.is_alive()

    def stop(self) -> None:
        """Ends everything, in the reverse order of the start."""
        self._stopping.set()
        if self._starter.ident is not None:
            self._starter.join(_STARTER_SECONDS)
        for service in reversed(self._services):
            with ACTIVITIES.during("stop", type(service).__name__, patience=_PATIENCE_SECONDS):
                service.stop()

    def _start(self) -> None:
        version = self._await_cluster()
        if version is None:
            return
        self._loader.facts = KubeFacts(version=version)
        applications = self.stores.applications
        applications.rules = replace(applications.rules, cluster_uid=self._transport.identity.uid)
        TRACES.cluster = self._transport.identity.uid
        for service in self._services:
            if self._stopping.is_set():
                return
            with ACTIVITIES.during("start", type(service).__name__, patience=_PATIENCE_SECONDS, limit=_START_LIMIT_SECONDS):
                service.start()

    def _await_cluster(self) -> str | None:
        """Waits until the API server serves our kinds; returns its version.

        None when the agent ends before.
        """
        while not self._stopping.is_set():
            try:
                self._transport.identity.pin()
                self._applications.resolve()
                version: Object = self._transport.request("GET", "/version")
                self._slices.resolve()
            except UnknownKind:
                _log.warning("waiting for the CRDs: run `gitops-agent install` or apply deploy/")
            except AgentError as error:
                _log.warning("waiting for the API server", error=error)
            else:
                return str(version.get("gitVersion", "")).removeprefix("v")
            self._discovery.invalidate(GROUP)
            self._stopping.wait(_CLUSTER_RETRY_SECONDS)
        return None


class _Watches:
    """Starts services in their order, and stops them together."""

    def __init__(self, *services: Service) -> None:
        self.services = services

    def start(self) -> None:
        for service in self.services:
            service.start()

    def stop(self) -> None:
        stop_concurrently(self.services)


class _FirstList:
    """Starts an informer of Notifiers and waits briefly for its first list.

    Events before that list reach no notifier.
    """

    def __init__(self, informer: Informer) -> None:
        self._informer = informer

    def start(self) -> None:
        self._informer.start()
        if not self._informer.synced(_NOTIFIERS_SECONDS):
            _log.warning("starting without knowing the notifiers: the first events may reach none of them")

    def stop(self) -> None:
        self._informer.stop()


class _Mirrors:
    """Ends what reads mirrors, and closes what is kept of them."""

    def __init__(self, sources: Sources, verdicts: VerdictCache) -> None:
        self._sources, self._verdicts = sources, verdicts

    def start(self) -> None:
        return

    def stop(self) -> None:
        self._sources.close()
        self._verdicts.close()


class _Threads:
    """Ends a pool of threads, without waiting for calls that hang."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def start(self) -> None:
        return

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _rules(settings: Settings) -> ApplicationRules:
    return ApplicationRules(
        default_account=settings.sync.default_service_account,
        require_account=settings.sync.require_service_account,
        repositories=settings.source.allowed_repositories,
    )


def _hosts(patterns: tuple[str, ...], name: str, subject: str) -> AllowedHosts:
    return AllowedHosts.setting(patterns, name=name, subject=subject)


def _render_workers(settings: Settings) -> RenderWorkers:
    limits = RenderLimits(
        seconds=settings.render.timeout_seconds,
        memory_bytes=settings.render.memory_mib * _MEBIBYTE,
        output_bytes=settings.render.output_mib * _MEBIBYTE,
        files=settings.render.max_files,
        plaintext_on_disk=settings.render.plaintext_on_disk,
    )
    programs = {"helm": settings.render.helm, "kustomize": settings.render.kustomize}
    path = settings.render.socket
    scratch = memory_folder() or Path(settings.source.cache_dir) / "renders"
    dialer = SocketDialer(path) if path is not None else ProcessDialer(scratch, programs)
    return RenderWorkers(dialer, limits=limits, programs=programs)


def _dispatcher(
    settings: Settings, objects: Objects, secrets: SecretReader, commits: ApplicationCommits, levels: IncidentLevels
) -> NotificationDispatcher:
    retry = RetryPolicy(timeout_seconds=settings.notify.timeout_seconds)
    hosts = _hosts(settings.notify.allowed_hosts, "notify.allowedHosts", "a notification")
    options = DispatchOptions(
        limit=settings.notify.outbox_limit,
        hosts=hosts,
        external_url=settings.server.external_url,
        cluster=settings.cluster.name,
        buttons=settings.chat.slack and settings.chat.buttons,
        levels=levels,
    )
    return NotificationDispatcher(objects, secrets, retry=retry, options=options, board=commits)
