"""The wiring of the process, and the one place where the order of its start and its end is written down.

A replica that is not the leader holds nothing but the lease's watch and the probes. The leader starts: observing (live state),
source workers, application workers, the watch of Applications, the clock. It ends in the opposite order: the clock and the
watches stop asking, the queues close, running reconciles end at their next safe point (every point between two API calls is
one), the outbox and the Events are flushed, the lease is released. A leader that loses its lease ends the process: what it
believes about the cluster is no longer its to act on, and the supervisor starts it afresh.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.desired.declared_state import DeclaredStateLoader
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.reconcile.finalizer import Finalizer
from gitops_agent.agent.reconcile.health_assessor import HealthAssessor
from gitops_agent.agent.reconcile.reconciler import ApplicationReconciler
from gitops_agent.agent.reconcile.status_writer import StatusWriter
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRunner
from gitops_agent.agent.rollouts.controller import RolloutController
from gitops_agent.agent.rollouts.loader import RolloutLoader
from gitops_agent.agent.rollouts.observer import RolloutObserver
from gitops_agent.agent.rollouts.stuck_pods import StuckPodRemover
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.stores.autoscalers import AutoscalerStore
from gitops_agent.agent.stores.endpoint_slices import SPLIT_ONLY, EndpointSliceStore
from gitops_agent.agent.stores.live_objects import LiveObjectInformer
from gitops_agent.agent.stores.notifiers import NotifierStore
from gitops_agent.agent.stores.prerequisites import PrerequisiteWatcher
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Priority, WorkQueue
from gitops_agent.agent.worker_pool import WorkerPool
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.lease import Lease
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import Recorder
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.config import Settings
from gitops_agent.errors import AgentError, UnknownKind
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.install.bundle import protected
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION, AUTOSCALER, ENDPOINT_SLICE, GROUP, NOTIFIER, ROLLOUT_POLICY
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.render.disk_cache import RenderCache
from gitops_agent.render.renderer import KubeFacts, Renderer, RenderLimits
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Move, Sources
from gitops_agent.sync.apply.executor import Executor
from gitops_agent.sync.drift.fight_detector import FightDetector
from gitops_agent.sync.health.explainer import Explainer
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.blast_radius import DependantCounter

_log = logger("agent")
_SHUTDOWN_SECONDS = 20.0
_SOURCE_WORKERS = 4
_NOTIFIERS_SECONDS = 10.0
_MEBIBYTE = 1024 * 1024


class Runtime:
    """One replica of the agent.

    Args:
        settings: the effective configuration.
        transport: to the API server, as the agent.
    """

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._settings, self._transport = settings, transport
        self._identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._stop = threading.Event()
        self._leading = threading.Event()
        self._lost = threading.Event()
        self._acting: Components | None = None

    def run(self) -> int:
        """Runs until `stop`; 0 after a clean end, 1 after losing the lease."""
        settings = self._settings
        _log.info("starting", identity=self._identity, server=self._transport.host, namespace=settings.cluster.namespace)
        if not settings.leader.enabled:
            self._lead()
            self._stop.wait()
            self._unlead()
            return 0
        lease = Lease(
            self._transport,
            namespace=settings.cluster.namespace,
            name=settings.leader.lease_name,
            identity=self._identity,
            duration_seconds=settings.leader.duration_seconds,
            renew_seconds=settings.leader.renew_seconds,
        )
        lease.run(self._stop, self._lead, self._unlead_or_die)
        return 1 if self._lost.is_set() else 0

    def stop(self) -> None:
        """Asks for a graceful end; may be called from a signal handler."""
        self._stop.set()

    def alive(self) -> tuple[bool, str]:
        """Liveness: false only when something is broken that a restart would mend."""
        acting = self._acting
        if acting is not None and not acting.healthy():
            return False, "a worker thread has ended"
        return True, "ok"

    def ready(self) -> tuple[bool, str]:
        """Readiness: leading and observing, or ready to follow."""
        if self._leading.is_set():
            return True, "leading"
        return (not self._stop.is_set()), "following"

    @property
    def leading(self) -> bool:
        """Whether this replica acts."""
        return self._leading.is_set()

    def _lead(self) -> None:
        _log.info("leading", identity=self._identity)
        metrics.LEADER.set(1)
        self._acting = Components(self._settings, self._transport)
        self._acting.start()
        self._leading.set()

    def _unlead(self) -> None:
        self._leading.clear()
        metrics.LEADER.set(0)
        acting, self._acting = self._acting, None
        if acting is not None:
            acting.stop()
        _log.info("no longer leading", identity=self._identity)

    def _unlead_or_die(self) -> None:
        if not self._stop.is_set():
            _log.error("leadership was lost; the process ends so that nothing acts on what it believed")
            self._lost.set()
            self._stop.set()
        self._unlead()


class Components:
    """Everything a leader runs; made anew for every term."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._stopping = threading.Event()
        self.clock = Scheduler()
        self.queue: WorkQueue[AppKey] = WorkQueue()
        self.repositories: WorkQueue[Repository] = WorkQueue(base=1.0)
        self.discovery = Discovery(transport)
        self.objects = Objects(transport, self.discovery)
        self.live = LiveState()
        self.recorder = Recorder(self.objects)
        self._transport, self._settings = transport, settings
        cache = Path(settings.source.cache_dir)
        self.sources = Sources(
            cache / "mirrors", allow_file=settings.source.allow_file, timeout_seconds=settings.source.timeout_seconds
        )
        self.applications = ApplicationStore(self.queue.add, namespace=settings.cluster.namespace)
        self.secrets = SecretStore(self.objects, self._rotated)
        self.polling = SourcePoller(
            self.sources, self.secrets, self.clock, self.repositories, moved=self.queue.add, rewritten=self._rewritten
        )
        renderer = Renderer(
            scratch=cache / "renders",
            limits=RenderLimits(
                seconds=settings.render.timeout_seconds,
                memory_bytes=settings.render.memory_mib * _MEBIBYTE,
                output_bytes=settings.render.output_mib * _MEBIBYTE,
                files=settings.render.max_files,
            ),
            helm=settings.render.helm,
            kustomize=settings.render.kustomize,
        )
        self.rendering = RenderPool(
            renderer,
            concurrency=settings.render.concurrency,
            finished=lambda key: self.queue.add(key, "its render is done", Priority.COMMIT),
            shelf=RenderCache(cache / "rendered"),
        )
        self.observing = LiveObjectInformer(self.objects, self.live, self.queue.add)
        self.autoscaling = AutoscalerStore()
        self.policies = RolloutPolicyStore(self.objects, self.queue.add)
        self.endpoints = EndpointSliceStore(self._reached, self._reachable)
        self.measuring = AnalysisRunner(self.secrets.data, self.objects, look=self._measured)
        self.arrivals = PrerequisiteWatcher(self.objects, self._arrived)
        self.notifications = NotificationDispatcher(
            self.objects,
            self.secrets.data,
            limit=settings.notify.outbox_limit,
            timeout_seconds=settings.notify.timeout_seconds,
        )
        at_home = WatchOptions(namespace=settings.cluster.namespace)
        notifiers = NotifierStore(self.objects, self.notifications)
        self._applications = Informer(self.objects, APPLICATION, self.applications, options=at_home)
        self._autoscalers = Informer(self.objects, AUTOSCALER, self.autoscaling)
        self._policies = Informer(self.objects, ROLLOUT_POLICY, self.policies)
        self._slices = Informer(self.objects, ENDPOINT_SLICE, self.endpoints, options=SPLIT_ONLY)
        self._notifiers = Informer(self.objects, NOTIFIER, notifiers, options=at_home)
        claims, handover = ClaimRegistry(), PruneBarrier(self.applications.following_too)
        self._pool = ThreadPoolExecutor(settings.sync.apply_concurrency, thread_name_prefix="apply")
        executor = Executor(self.objects, self.discovery, self._pool, self.live, scaled=self.autoscaling.targets)
        publishing = StatusWriter(self.objects, self.recorder, self.notifications)
        enacting = Applier(
            self.live,
            executor,
            DependantCounter(self.objects, self.discovery, self.live),
            claims=claims,
            handover=handover,
            fights=FightDetector(),
            exists=self.applications.may_exist,
            emit=lambda application, events: publishing.emit(events, application.raw),
            protected=protected(settings.cluster.namespace),
            agent_namespace=settings.cluster.namespace,
            stopping=self._stopping.is_set,
        )
        self._publishing = publishing
        self._facts = KubeFacts()
        declaring = DeclaredStateLoader(
            self.polling,
            self.sources,
            self.rendering,
            self.discovery,
            claims=claims,
            handover=handover,
            facts=lambda: self._facts,
            autoscaled=self.autoscaling.targets,
            look=self.queue.add,
        )
        surveying = RolloutObserver(self.live, self.endpoints)
        courses = RolloutLoader(
            policies=self.policies,
            surveying=surveying,
            declaring=declaring,
            measured=self.measuring.results,
            live=self.live,
            objects=self.objects,
            autoscaled=self.autoscaling.targets,
            ensure=self.observing.ensure,
        )
        reconciler = ApplicationReconciler(
            applications=self.applications,
            declaring=declaring,
            rollouts=RolloutController(
                policies=self.policies,
                courses=courses,
                surveying=surveying,
                declaring=declaring,
                measuring=self.measuring,
                freeing=StuckPodRemover(self.objects),
                live=self.live,
                emit=lambda application, events: publishing.emit(events, application.raw),
            ),
            observing=self.observing,
            arrivals=self.arrivals,
            live=self.live,
            enacting=enacting,
            departing=Finalizer(self.objects, self.live, self.observing, enacting),
            judging=HealthAssessor(Explainer(self.objects)),
            publishing=publishing,
            queue=self.queue,
            polling=self.polling,
            rendering=self.rendering,
            resume_at=self._resume_at,
        )
        self._workers = WorkerPool("worker", self.queue, reconciler.reconcile, count=settings.sync.workers)
        self._fetchers = WorkerPool("git", self.repositories, self.polling.poll, count=_SOURCE_WORKERS)
        self._starter = threading.Thread(target=self._begin, name="start", daemon=True)

    def start(self) -> None:
        """Starts everything that needs no answer from the API server; the rest follows on a thread of its own."""
        self.recorder.start()
        self.clock.start()
        self._starter.start()

    def healthy(self) -> bool:
        """Whether every worker still works, or is about to."""
        if self._starter.ident is None or self._starter.is_alive():
            return True
        return self._applications.watch is not None and self._workers.alive() and self._fetchers.alive()

    def stop(self) -> None:
        """Ends everything, in the order of the module's text."""
        self._stopping.set()
        self._starter.join(5)
        self.clock.stop()
        self._applications.stop()
        self.queue.close()
        self.repositories.close()
        self.rendering.stop()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        self._workers.join(max(0.0, deadline - time.monotonic()))
        self.observing.stop()
        self._autoscalers.stop()
        self._policies.stop()
        self._slices.stop()
        self.measuring.stop()
        self.arrivals.stop()
        self._notifiers.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.notifications.stop(max(1.0, deadline - time.monotonic()))
        self.recorder.close()
        self.secrets.stop()
        self.sources.close()

    def _begin(self) -> None:
        """What needs the API server; tried until it answers and knows Applications."""
        while not self._stopping.is_set():
            try:
                self._applications.resolve()
                version = self._transport.request("GET", "/version")
                self._slices.resolve()
                break
            except UnknownKind:
                _log.warning("waiting for the CRDs: run `gitops-agent install` or apply deploy/")
            except AgentError as error:
                _log.warning("waiting for the API server", error=error)
            self.discovery.invalidate(GROUP)
            self._stopping.wait(2.0)
        else:
            return
        self._facts = KubeFacts(version=str(version.get("gitVersion", "")).removeprefix("v"))
        self.observing.start()
        self._autoscalers.start()
        self._policies.start()
        self._slices.start()
        self.measuring.start()
        self.arrivals.start()
        self.notifications.start()
        self._notifiers.start()
        if not self._notifiers.synced(_NOTIFIERS_SECONDS):
            _log.warning("starting without knowing the notifiers: the first events may reach nobody")
        if self._stopping.is_set():
            return
        self._fetchers.start()
        self._workers.start()
        self._applications.start()

    def _arrived(self, key: AppKey, why: str) -> None:
        self.queue.succeeded(key)
        self.queue.add(key, why, priority=Priority.COMMIT)

    def _reached(self, service: ObjectKey) -> None:
        """Other pods answer for a Service whose traffic is split."""
        live = self.live.get(service)
        if live is not None and live.owner is not None:
            self.queue.add(live.owner, f"{service} has other endpoints", priority=Priority.COMMIT)

    def _reachable(self) -> None:
        """The endpoints are known: every rollout that waited for them goes on."""
        for application in self.policies.applications():
            self.queue.add(application, "the endpoints are known", priority=Priority.COMMIT)

    def _measured(self, policy: AppKey) -> None:
        """A measurement of a rollout ended."""
        owner = self.policies.owner(ROLLOUT_POLICY.named(policy.namespace, policy.name))
        if owner is not None:
            self.queue.add(owner, "a metric was measured", priority=Priority.COMMIT)

    def _rotated(self, secret: str) -> None:
        self.polling.rotated(secret)

    def _resume_at(self, key: AppKey, when: datetime) -> None:
        self.clock.at(f"resume {key}", when, lambda: self.queue.add(key, "a pause ended", priority=Priority.COMMIT))

    def _rewritten(self, key: AppKey, move: Move) -> None:
        raw = self.applications.raw(key)
        if raw is None:
            return
        lost = f"{move.lost} commits" if move.lost >= 0 else "an unknown number of commits"
        message = f"{move.ref.value} was rewritten: {move.old[:12]} → {move.new[:12]}, {lost} lost"
        now = datetime.now().astimezone()
        event = Event(
            type=EventType.HISTORY_REWRITTEN,
            application=key,
            at=now,
            severity=Severity.WARNING,
            reason="HistoryRewritten",
            message=message,
            facts={"old": move.old, "new": move.new, "lost": move.lost},
        )
        try:
            self._publishing.emit([event], raw)
        except AgentError as error:
            _log.warning("event could not be saved", error=error)
