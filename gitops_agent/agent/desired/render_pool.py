"""Renders commits on a pool, each at most once, off the workers.

A reconcile asks and returns; the render runs on a pool as wide as the machine has cores and puts the application back on the
queue when it is done. A render stays valid for every commit that leaves its input closure untouched, so a commit in a
monorepo renders the applications it touches and no other. A newer request cancels the render it supersedes.

An application may need several commits side by side (a rollout has a stable one and a target): each has a slot of its own, and
a slot takes over what another one has rendered wherever that is still valid.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.errors import AgentError, RenderError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.render.disk_cache import RenderCache
from gitops_agent.render.renderer import Rendered, Renderer, RenderRequest
from gitops_agent.revision.tree import Tree

_log = logger("render")

HEAD = "head"
"""The slot of the newest commit."""

_Slot = tuple[AppKey, str]


@dataclass(slots=True)
class _Work:
    commit: str
    key: str
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class _Done:
    commit: str
    key: str
    rendered: Rendered | None
    error: AgentError | None


class RenderPool:
    """Renders in the background and keeps the results; thread-safe.

    Args:
        renderer: does the work.
        wake: wakes the application whose render ended.
        concurrency: how many renders run at once.
        cache: keeps the newest commit's renders for the next start.
    """

    def __init__(self, renderer: Renderer, wake: Wake, *, concurrency: int, cache: RenderCache | None = None) -> None:
        self._renderer, self._wake, self._cache = renderer, wake, cache
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="render")
        self._lock = threading.Lock()
        self._work: dict[_Slot, _Work] = {}
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
            if done.key != key:
                continue
            if done.commit == tree.commit and done.error is not None:
                raise done.error
            if done.commit == tree.commit or (done.rendered is not None and done.rendered.closure.holds(tree)):
                if done is not own or done.commit != tree.commit:
                    with self._lock:
                        self._done.setdefault(application, {})[slot] = _Done(tree.commit, key, done.rendered, None)
                return done.rendered
        kept = self._kept(application, tree, key) if slot == HEAD and own is None else None
        if kept is not None:
            return kept
        with self._lock:
            work = self._work.get((application, slot))
            if work is not None:
                if (work.commit, work.key) == (tree.commit, key):
                    return None
                work.cancel.set()
            if self._stopped:
                return None
            work = self._work[application, slot] = _Work(tree.commit, key)
            self._pool.submit(self._run, (application, slot), tree, request, work)
        return None

    def _kept(self, application: AppKey, tree: Tree, key: str) -> Rendered | None:
        """Valid render of an earlier process; read once per application."""
        with self._lock:
            if self._cache is None or application in self._recalled:
                return None
            self._recalled.add(application)
        rendered = self._cache.take(application, key)
        if rendered is None or not rendered.closure.holds(tree):
            return None
        with self._lock:
            self._done.setdefault(application, {})[HEAD] = _Done(tree.commit, key, rendered, None)
        _log.info("render kept", application=str(application), commit=tree.commit[:12], objects=len(rendered.manifests))
        return rendered

    def retry(self, application: AppKey) -> None:
        """Drops failed renders, so that the next request retries them."""
        with self._lock:
            done = self._done.get(application, {})
            for slot in [slot for slot, render in done.items() if render.error is not None]:
                del done[slot]

    def keep(self, application: AppKey, slots: Collection[str]) -> None:
        """Drops the slots that are not listed; the newest commit's stays."""
        with self._lock:
            done = self._done.get(application, {})
            for slot in done.keys() - {HEAD, *slots}:
                del done[slot]

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application."""
        with self._lock:
            works = [self._work.pop(slot) for slot in tuple(self._work) if slot[0] == application]
            self._done.pop(application, None)
            self._recalled.discard(application)
        if self._cache is not None:
            self._cache.drop(application)
        for work in works:
            work.cancel.set()

    def start(self) -> None:
        """Does nothing: the pool's threads come with the first render."""

    def stop(self) -> None:
        """Cancels what runs and what waits."""
        with self._lock:
            self._stopped = True
            for work in self._work.values():
                work.cancel.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, slot: _Slot, tree: Tree, request: RenderRequest, work: _Work) -> None:
        if work.cancel.is_set():
            return
        application = slot[0]
        started = time.monotonic()
        rendered: Rendered | None = None
        error: AgentError | None = None
        try:
            rendered = self._renderer.render(tree, request, cancel=work.cancel)
        except (RenderError, SourceError) as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - an unexpected error in one render is that render's failure
            _log.error("unexpected error in a render", application=str(application), error=problem, exc_info=True)
            error = RenderError(f"unexpected {type(problem).__name__} while rendering", reason="RenderFailed")
        if work.cancel.is_set():
            return
        seconds = time.monotonic() - started
        if rendered is not None and self._cache is not None and slot[1] == HEAD:
            self._cache.put(application, work.key, rendered)
        with self._lock:
            if self._work.get(slot) is not work:
                if self._cache is not None and slot[1] == HEAD:
                    self._cache.drop(application)
                return
            del self._work[slot]
            self._done.setdefault(application, {})[slot[1]] = _Done(work.commit, work.key, rendered, error)
            self.count += 1
        metrics.RENDER_SECONDS.observe(seconds)
        metrics.RENDERS.labels(rendered.format if rendered else "unknown", "failed" if error else "ok").inc()
        _log.info(
            "rendered",
            application=str(application),
            commit=work.commit[:12],
            objects=len(rendered.manifests) if rendered else 0,
            seconds=round(seconds, 3),
            error=error,
        )
        self._wake(application, "its render is done", Priority.COMMIT)
