"""Feeds the live state: one watch per kind with our objects.

Every watch selects by our label, so another tenant's ten thousand Secrets cost nothing. After a start it is unknown which kinds
hold objects of ours (there is no inventory to lose), so every listable kind is asked once, by label, metadata only; until that
sweep is complete nothing is ever deleted, and a kind that cannot be listed is "cannot see", never "gone". A kind that discovery
no longer knows is not asked about for ever: its watch ends when no application declares it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.cluster.concurrent_stop import stop_concurrently
from gitops_agent.cluster.etcd_restore import EtcdRestore
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.errors import AgentError, CannotSee, NotFound, UnknownKind
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CONTROLLER_REVISION, CORE_EVENT, ENDPOINT_SLICE, ENDPOINTS, EVENT
from gitops_agent.manifest.marks import APPLICATION, owner
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.sync.live.live_object import LiveObject, damaged_mark, observe
from gitops_agent.sync.live.live_state import Change, LiveState

_log = logger("observe")
_SWEEP_THREADS = 8
_SWEEP_RETRY_SECONDS = 5.0
_HIDDEN_SECONDS = 60.0
_HIDDEN_LONGEST_SECONDS = 1800.0

_CONTROLLED = frozenset(
    {
        ENDPOINTS,
        ENDPOINT_SLICE,
        CONTROLLER_REVISION,
        CORE_EVENT,
        EVENT,
    },
)
"""Kinds that controllers fill with copies of other objects' labels: swept over only when declared."""


class LiveObjectInformer:
    """Keeps the live state current; thread-safe.

    Args:
        objects: the cluster.
        live: what is known, updated here.
        wake: wakes the applications of an object, or of a list, that changed.
    """

    def __init__(self, objects: Objects, live: LiveState, wake: Wake) -> None:
        self._objects, self._live, self._wake = objects, live, wake
        self._lock = threading.Lock()
        self._informers: dict[GroupKind, Informer] = {}
        self._interested: dict[GroupKind, set[AppKey]] = {}
        self._declared: dict[AppKey, frozenset[GroupKind]] = {}
        self._unserved: set[GroupKind] = set()
        self._waiting_for_sweep: set[AppKey] = set()
        self._swept: set[GroupKind] | None = None
        self._listed: set[GroupKind] = set()
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)

    def start(self) -> None:
        """Starts the sweep."""
        self._sweeper.start()

    def stop(self) -> None:
        """Ends every watch."""
        self._stop.set()
        with self._lock:
            informers = list(self._informers.values())
        stop_concurrently(informers)

    def ensure(self, kinds: Iterable[GroupKind], application: AppKey) -> tuple[GroupKind, ...]:
        """Watches the kinds; returns those whose first list is under way.

        The application is woken when such a list arrives.
        A kind the cluster does not know yet is left out: what is declared of it waits for the CRD's arrival.
        """
        pending = []
        declared = frozenset(kinds)
        with self._lock:
            self._declared[application] = declared
        self._drop_unserved()
        for kind in sorted(declared):
            try:
                self._watch(kind)
            except UnknownKind:
                continue
            except CannotSee as error:
                self._live.cannot_see[kind] = str(error)
                continue
            with self._lock:
                blind = kind in self._live.cannot_see
                if blind or kind not in self._listed:
                    self._interested.setdefault(kind, set()).add(application)
                if not blind and kind not in self._listed:
                    pending.append(kind)
        return tuple(pending)

    def forget(self, application: AppKey) -> None:
        """Forgets what an application that is gone has declared."""
        with self._lock:
            self._declared.pop(application, None)
        self._drop_unserved()

    def _drop_unserved(self) -> None:
        """Ends the watches of kinds that are neither served nor declared.

        A kind that comes back is watched again once it is declared.
        """
        with self._lock:
            if not self._unserved:
                return
            unused = self._unserved.difference(*self._declared.values())
            dropped = [self._informers.pop(kind) for kind in unused if kind in self._informers]
            self._unserved -= unused
            self._listed -= unused
        for informer in dropped:
            informer.stop()

    def complete(self, application: AppKey) -> bool:
        """Whether the sweep and the lists it led to are complete.

        If not, the application is woken when they are.
        """
        with self._lock:
            done = self._live.complete
            if not done:
                self._waiting_for_sweep.add(application)
            return done

    def watched(self) -> int:
        """How many kinds are watched."""
        with self._lock:
            return len(self._informers)

    def _watch(self, kind: GroupKind) -> None:
        with self._lock:
            if kind in self._informers:
                return
        informer = Informer(
            self._objects,
            kind,
            _Feed(self, kind),
            options=WatchOptions(label_selector=APPLICATION, distil=observe),
            on_error=partial(self._failed, kind),
            may_go=True,
        )
        informer.resolve()
        with self._lock:
            if kind in self._informers or self._stop.is_set():
                return
            self._informers[kind] = informer
        informer.start()

    def replace(self, kind: GroupKind, objects: list[LiveObject], resource_version: str) -> None:
        """Takes a complete list; newer versions from our own writes stay."""
        changes = self._live.replace(kind, objects, resource_version=resource_version)
        with self._lock:
            self._listed.add(kind)
            (self._unserved.discard if resource_version else self._unserved.add)(kind)
            self._live.cannot_see.pop(kind, None)
            interested = self._interested.pop(kind, set())
        for change in changes:
            self._report(change)
        for application in sorted(interested):
            self._wake(application, f"{kind} was listed", Priority.COMMIT)
        self._finish_sweep()
        self._drop_unserved()

    def rewind(self, kind: GroupKind) -> None:
        """Lets the next list of a kind win over everything known."""
        _log.warning("resource versions decreased: etcd was restored, everything is compared anew", kind=str(kind))
        self._live.rewind(kind)

    def put(self, obj: Object) -> None:
        """Takes an object that was added or changed."""
        self._report(self._live.put(observe(obj)))
        metrics.OBJECTS.set(len(self._live))

    def remove(self, obj: Object) -> None:
        """Takes an object that was deleted."""
        metadata = obj["metadata"]
        change = self._live.remove(
            ObjectKey.of(obj), str(metadata.get("uid") or ""), str(metadata.get("resourceVersion") or "")
        )
        if change is not None:
            self._report(change)
        metrics.OBJECTS.set(len(self._live))

    def _report(self, change: Change) -> None:
        if change.application is not None and change.matters:
            self._wake(change.application, f"{change.key} {change.kind}", Priority.DRIFT)

    def _failed(self, kind: GroupKind, error: AgentError) -> None:
        """Marks a kind that cannot be listed, and wakes its applications.

        What was known of the kind stays: none of its objects counts as gone.
        """
        self._live.cannot_see[kind] = str(error)
        _log.warning("kind cannot be seen", kind=str(kind), error=error)
        with self._lock:
            interested = set(self._interested.get(kind, set()))
        for application in sorted(interested):
            self._wake(application, f"{kind} cannot be listed", Priority.RESYNC)
        self._finish_sweep()

    def _sweep(self) -> None:
        """Lists objects of ours of every listable kind, once discovery answers."""
        while not self._stop.is_set():
            try:
                resources = [r for r in self._objects.discovery.kinds() if GroupKind(r.group, r.kind) not in _CONTROLLED]
                break
            except AgentError as error:
                _log.warning("the start-up sweep waits for discovery", error=error)
                self._stop.wait(_SWEEP_RETRY_SECONDS)
        else:
            return
        hidden = self._sweep_over(resources)
        _log.info("swept", kinds=len(resources), with_ours=len(self._swept or ()), cannot_see=len(hidden))
        pause = _HIDDEN_SECONDS
        while hidden and not self._stop.wait(pause):
            pause = min(pause * 2, _HIDDEN_LONGEST_SECONDS)
            hidden = self._sweep_over(hidden)

    def _sweep_over(self, resources: Sequence[Resource]) -> list[Resource]:
        """Watches the kinds that hold our objects; returns those not listable."""
        with ThreadPoolExecutor(_SWEEP_THREADS, thread_name_prefix="sweep") as pool:
            answers = list(zip(resources, pool.map(self._holds_ours, resources), strict=True))
        ours = {resource.group_kind for resource, holds in answers if holds}
        for kind in sorted(ours):
            try:
                self._watch(kind)
            except (UnknownKind, CannotSee) as error:
                self._live.cannot_see[kind] = str(error)
        with self._lock:
            self._swept = (self._swept or set()) | ours
        self._finish_sweep()
        return [resource for resource, holds in answers if holds is None]

    def _holds_ours(self, resource: Resource) -> bool | None:
        """Whether the kind holds our objects; None when it cannot be listed."""
        kind = resource.group_kind
        if self._stop.is_set() or "list" not in resource.verbs or "watch" not in resource.verbs:
            return False
        try:
            listing = self._objects.list(resource, label_selector=APPLICATION, metadata_only=True)
        except NotFound:
            return False
        except AgentError as error:
            with self._lock:
                # A kind whose watch has listed it is seen: only that watch can say, and take back, that it no longer is.
                if kind not in self._listed:
                    self._live.cannot_see[kind] = str(error)
            return None
        with self._lock:
            if kind not in self._informers:
                self._live.cannot_see.pop(kind, None)
        named = ({**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in listing.items)
        return any(owner(item) is not None or damaged_mark(item) for item in named)

    def _finish_sweep(self) -> None:
        with self._lock:
            if self._live.complete or self._swept is None:
                return
            unlisted = [
                kind
                for kind in self._swept
                if kind in self._informers and kind not in self._listed and kind not in self._live.cannot_see
            ]
            if unlisted:
                return
            self._live.complete = True
            waiting, self._waiting_for_sweep = self._waiting_for_sweep, set()
        for application in sorted(waiting):
            self._wake(application, "every kind has been listed", Priority.RESYNC)


class _Feed:
    """Receives one kind for all of them."""

    def __init__(self, informer: LiveObjectInformer, kind: GroupKind) -> None:
        self._informer, self._kind = informer, kind
        self._etcd_restore = EtcdRestore()

    def put(self, obj: Object) -> None:
        self._etcd_restore.note(obj["metadata"].get("resourceVersion"))
        self._informer.put(obj)

    def remove(self, obj: Object) -> None:
        self._etcd_restore.note(obj["metadata"].get("resourceVersion"))
        self._informer.remove(obj)

    def replace(self, objects: list[LiveObject], resource_version: str) -> None:
        if self._etcd_restore.rewound(resource_version):
            self._informer.rewind(self._kind)
        self._informer.replace(self._kind, objects, resource_version)
