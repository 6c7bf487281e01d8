"""Renders commits on a pool, each at most once, off the workers.

A reconcile asks and returns; the render runs on a pool as wide as the machine has cores and puts the application back on the
queue when it is done. A render stays valid for every commit that leaves its input closure untouched, so a commit in a
monorepo renders the applications it touches and no other. The same is true of variables: a render stays valid as long as those
it used have their values. A newer request cancels the render it supersedes.

A failure that may pass (a time limit, a full disk, a torn mirror) is tried again by backoff; any other one stays until its
inputs change.

An application may need several commits side by side (a rollout has a stable one and a target): each has a slot of its own, and
a slot takes over what another one has rendered wherever that is still valid.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitops_agent.agent.desired.render_lanes import RenderLanes, RenderTask
from gitops_agent.agent.ports import Wake
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.agent.worker_pool import WorkerPool
from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.revision_name import short
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.render.decryption.keys.kind import NO_KEYS, KeyMaterial
from gitops_agent.render.disk_cache import RenderCache
from gitops_agent.render.request import Failure, Rendered, RenderEngine, RenderRequest
from gitops_agent.render.variables.variable import fingerprint
from gitops_agent.revision.tree import Closure, Tree
from gitops_agent.telemetry.traces import TRACES

_log = logger("render")

HEAD = "head"
"""The slot of the newest commit."""

_Slot = tuple[AppKey, str]
_RETRY_SECONDS = 5.0
_LONGEST_RETRY_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """The result of a task.

    With a fingerprint of the variables it used, and with the task where it is retried.
    """

    commit: str
    key: str
    values: str
    rendered: Rendered | None = None
    failure: Failure | None = None
    keys: KeyMaterial = field(default=NO_KEYS, repr=False)
    again: RenderTask | None = None

    def holds(self, tree: Tree, request: RenderRequest) -> bool:
        """Whether it is what the tree renders to, too."""
        if self.values != _values(request, self.rendered, self.failure):
            return False
        if self.failure is not None and self.keys != request.keys:
            return False
        if self.commit == tree.commit:
            return True
        return self.closure is not None and self.closure.holds(tree)

    @property
    def closure(self) -> Closure | None:
        """What was read; None where that is not known."""
        return self.rendered.closure if self.rendered is not None else self.failure.closure if self.failure else None


class RenderPool:
    """Renders in the background and keeps the results; thread-safe.

    Args:
        renderer: does the work.
        wake: wakes the application whose render ended.
        concurrency: how many renders run at once.
        cache: keeps the newest commit's renders for the next start.
    """

    def __init__(self, renderer: RenderEngine, wake: Wake, *, concurrency: int, cache: RenderCache | None = None) -> None:
        self._renderer, self._wake, self._cache = renderer, wake, cache
        self._lanes = RenderLanes(self, concurrency=concurrency)
        self._retries: WorkQueue[AppKey] = WorkQueue(base=_RETRY_SECONDS, cap=_LONGEST_RETRY_SECONDS)
        self._retrier = WorkerPool("render-retry", self._retries, self, count=1)
        self._lock = threading.Lock()
        self._work: dict[_Slot, RenderTask] = {}
        self._done: dict[AppKey, dict[str, _Done]] = {}
        self._recalled: set[AppKey] = set()
        self._stopped = False
        self.count = 0

    def rendered(self, application: AppKey, tree: Tree, request: RenderRequest, *, slot: str = HEAD) -> Rendered | None:
        """The render of `request` at the tree's commit; None until done.

        Args:
            application: whose.
            tree: the files.
            request: what to make of them.
            slot: what the application needs the render as; each slot holds one.

        Raises:
            RenderError: the files do not render.
            SourceError: the tree cannot be read as asked.
        """
        key = self._renderer.key(request)
        with self._lock:
            renders = dict(self._done.get(application, {}))
        own = renders.pop(slot, None)
        for done in (*([own] if own else []), *renders.values()):
            if done.key == key and done.holds(tree, request):
                if done is not own or done.commit != tree.commit:
                    with self._lock:
                        self._done.setdefault(application, {})[slot] = replace(done, commit=tree.commit)
                if done.failure is not None:
                    raise done.failure.error
                return done.rendered
        kept = self._kept(application, tree, request, key) if slot == HEAD and own is None else None
        if kept is not None:
            return kept
        self._retries.succeeded(application)
        self._start(RenderTask(application=application, slot=slot, tree=tree, request=request, key=key))
        return None

    def newest(self, application: AppKey) -> tuple[str, Closure | None]:
        """The commit that was rendered last, and what its render read."""
        with self._lock:
            done = self._done.get(application, {}).get(HEAD)
        return (done.commit, done.closure) if done is not None else ("", None)

    def holds(self, application: AppKey, tree: Tree) -> bool:
        """Whether its newest render is there, and valid for another tree."""
        with self._lock:
            done = None if (application, HEAD) in self._work else self._done.get(application, {}).get(HEAD)
        return done is not None and done.rendered is not None and done.rendered.closure.holds(tree)

    def advance(self, application: AppKey, commit: str) -> None:
        """Carries the newest render over to another commit."""
        with self._lock:
            done = self._done.get(application, {}).get(HEAD)
            if done is not None:
                self._done[application][HEAD] = replace(done, commit=commit)

    def _start(self, task: RenderTask, *, supersede: bool = True) -> None:
        """Starts a task, unless the same one is under way.

        Without `supersede`, any task of its slot keeps it from starting.
        """
        with self._lock:
            running = self._work.get((task.application, task.slot))
            if running is not None:
                if not supersede or (running.tree.commit, running.key) == (task.tree.commit, task.key):
                    return
                running.cancel.set()
            if self._stopped:
                return
            self._work[task.application, task.slot] = task
        self._lanes.add(task)

    def reconcile(self, item: Item[AppKey]) -> None:
        """Retries failures that may pass; their errors stay until then."""
        with self._lock:
            slots = self._done.get(item.key, {})
            again = [done.again for slot, done in slots.items() if done.again and (item.key, slot) not in self._work]
        for task in again:
            self._start(replace(task, cancel=threading.Event(), preempted=False), supersede=False)

    def _kept(self, application: AppKey, tree: Tree, request: RenderRequest, key: str) -> Rendered | None:
        """Valid render of an earlier process; read once per application."""
        with self._lock:
            if self._cache is None or application in self._recalled:
                return None
            self._recalled.add(application)
        rendered = self._cache.take(application, key, request.variables)
        if rendered is None or not rendered.closure.holds(tree):
            return None
        with self._lock:
            self._done.setdefault(application, {})[HEAD] = _Done(
                commit=tree.commit, key=key, values=_values(request, rendered, None), rendered=rendered
            )
        _log.info("render kept", application=str(application), commit=short(tree.commit), objects=len(rendered.manifests))
        return rendered

    def paths(self, application: AppKey) -> frozenset[str]:
        """The paths that its newest render read; empty when there is none."""
        with self._lock:
            done = self._done.get(application, {}).get(HEAD)
        if done is None or done.rendered is None:
            return frozenset()
        return frozenset(path for path, _ in done.rendered.closure.entries)

    def retry(self, application: AppKey) -> None:
        """Drops failed renders, so that the next request retries them."""
        with self._lock:
            done = self._done.get(application, {})
            for slot in [slot for slot, render in done.items() if render.failure is not None]:
                del done[slot]

    def keep(self, application: AppKey, slots: Mapping[str, str]) -> None:
        """Drops the slots that are not named; the newest commit's stays.

        The others take over the newest render as `keep_slot` does.

        Args:
            application: whose.
            slots: the commit that each slot is needed for.
        """
        for slot, commit in slots.items():
            self.keep_slot(application, slot, commit)
        with self._lock:
            done = self._done.get(application, {})
            for slot in done.keys() - {HEAD, *slots}:
                del done[slot]

    def keep_slot(self, application: AppKey, slot: str, commit: str) -> None:
        """Keeps the newest render in a slot, if of that commit."""
        with self._lock:
            done = self._done.get(application, {})
            newest, held = done.get(HEAD), done.get(slot)
            if newest is None or newest.rendered is None or newest.commit != commit:
                return
            if held is None or held.commit != commit:
                done[slot] = newest

    def drop_slot(self, application: AppKey, slot: str) -> None:
        """Drops what one slot holds."""
        with self._lock:
            self._done.get(application, {}).pop(slot, None)

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application."""
        with self._lock:
            works = [self._work.pop(slot) for slot in tuple(self._work) if slot[0] == application]
            self._done.pop(application, None)
            self._recalled.discard(application)
        self._retries.forget(application)
        self._lanes.forget(application)
        if self._cache is not None:
            self._cache.drop(application)
        for work in works:
            work.cancel.set()

    def start(self) -> None:
        """Starts to retry; the threads that render come with the first render."""
        self._retrier.start()

    def stop(self) -> None:
        """Cancels what runs and what waits."""
        with self._lock:
            self._stopped = True
            for work in self._work.values():
                work.cancel.set()
        self._retrier.stop()
        self._lanes.stop()

    def perform(self, task: RenderTask) -> None:
        """Renders on a thread of the pool and keeps the result."""
        if task.cancel.is_set():
            if task.preempted:
                self._requeue(task)
            return
        started, begun = time.monotonic(), TRACES.now()
        result = self._result(task)
        if task.preempted and isinstance(result, Failure) and result.error.facts.get("cause") == "cancelled":
            self._requeue(task)
            return
        if task.cancel.is_set() and not task.preempted:
            return
        failure = result if isinstance(result, Failure) else None
        rendered = result if isinstance(result, Rendered) else None
        passing = failure is not None and failure.passing
        self._cached(task, rendered)
        with self._lock:
            if self._work.get((task.application, task.slot)) is not task:
                if self._cache is not None and task.slot == HEAD:
                    self._cache.drop(task.application)
                return
            del self._work[task.application, task.slot]
            self._done.setdefault(task.application, {})[task.slot] = _Done(
                commit=task.tree.commit,
                key=task.key,
                values=_values(task.request, rendered, failure),
                rendered=rendered,
                failure=failure,
                keys=task.request.keys,
                again=task if passing else None,
            )
            self.count += 1
        if passing:
            self._retries.retry(task.application, "the render failed and may pass")
        else:
            self._retries.succeeded(task.application)
        if task.slot == HEAD:
            facts: dict[str, str | int] = (
                {"gitops_agent.render.format": rendered.format, "gitops_agent.objects": len(rendered.manifests)}
                if rendered
                else {}
            )
            TRACES.rendered(str(task.application), task.tree.commit, begun, failure.error.reason if failure else "", facts)
        self._wake(task.application, "its render is done", Priority.USER)  # else it goes last, after all the commit left alone
        seconds = time.monotonic() - started
        metrics.RENDER_SECONDS.observe(seconds)
        metrics.RENDERS.labels(rendered.format if rendered else "unknown", "failed" if failure else "ok").inc()
        _log.info(
            "rendered",
            application=str(task.application),
            commit=short(task.tree.commit),
            objects=len(rendered.manifests) if rendered else 0,
            seconds=round(seconds, 3),
            error=failure.error if failure else None,
        )

    def _result(self, task: RenderTask) -> Rendered | Failure:
        try:
            return self._renderer.attempt(task.tree, task.request, cancel=task.cancel)
        except Exception as problem:  # noqa: BLE001 - an unexpected error in one render is that render's failure
            _log.error("unexpected error in a render", application=str(task.application), error=problem, exc_info=True)
            words = f"unexpected {type(problem).__name__} while rendering"
            return Failure(error=RenderError(words, reason="RenderFailed"), closure=None, passing=isinstance(problem, OSError))

    def _requeue(self, task: RenderTask) -> None:
        """Queues a preempted task again, unless it was superseded."""
        again = replace(task, cancel=threading.Event(), preempted=False)
        with self._lock:
            if self._stopped or self._work.get((task.application, task.slot)) is not task:
                return
            self._work[task.application, task.slot] = again
        self._lanes.add(again)

    def _cached(self, task: RenderTask, rendered: Rendered | None) -> None:
        """Writes a render to the cache; a failure there is only logged."""
        if rendered is None or self._cache is None or task.slot != HEAD:
            return
        if task.request.options is not None and task.request.options.decryption is not None:
            self._cache.drop(task.application)
            return
        try:
            self._cache.put(task.application, task.key, rendered, task.request.variables)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the render is good
            _log.error("render not kept for the next start", application=str(task.application), error=problem, exc_info=True)


def _values(request: RenderRequest, rendered: Rendered | None, failure: Failure | None) -> str:
    """A fingerprint of the values that a result used."""
    result = rendered or failure
    return fingerprint(request.variables, result.variables if result is not None else ())
