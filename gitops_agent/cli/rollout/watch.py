"""Follows rollouts: redraws on a terminal, prints a line a change elsewhere.

Watches report changes; nothing is polled. The picture is redrawn once a second as well, because it shows times.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cli import output as out
from gitops_agent.cli.rollout.lookup import urgency
from gitops_agent.cli.rollout.pods import selecting, sides
from gitops_agent.cli.rollout.view import HEADERS, picture, row
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.rollout.progress import RolloutProgress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gitops_agent.cluster.resource import Resource

_TICK_SECONDS = 1.0
_FRAME_SECONDS = 0.1


@dataclass
class WatchCache:
    """Latest objects of the watches; thread-safe, `changed` is set by every event."""

    objects: dict[ObjectKey, Object] = field(default_factory=dict)
    changed: threading.Event = field(default_factory=threading.Event)
    error: AgentError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, kind: str) -> list[Object]:
        """The objects of a kind, by namespace and name."""
        with self._lock:
            return [obj for key, obj in sorted(self.objects.items()) if key.kind == kind]

    def replace(self, kind: str, found: list[Object]) -> None:
        """Takes in a whole list."""
        with self._lock:
            for key in [key for key in self.objects if key.kind == kind]:
                del self.objects[key]
            self.objects |= {ObjectKey.of(obj): obj for obj in found}
        self.changed.set()

    def take(self, happened: str, obj: Object) -> None:
        """Takes in one event."""
        with self._lock:
            if happened == "DELETED":
                self.objects.pop(ObjectKey.of(obj), None)
            else:
                self.objects[ObjectKey.of(obj)] = obj
        self.changed.set()

    def fail(self, error: AgentError) -> None:
        """Takes in that something cannot be watched."""
        self.error = error
        self.changed.set()


def follow(access: ClusterClient, namespace: str, key: AppKey | None) -> None:
    """Shows one rollout, or all of a namespace, until interrupted.

    Raises:
        AgentError: something cannot be watched, or the rollout was deleted.
    """
    with _watching(access, namespace, key) as scene:
        if sys.stdout.isatty():
            _live(scene, key)
        else:
            _told(scene, key)


def change(standing: RolloutProgress) -> str:
    """A rollout in one line of a pipe."""
    name, _, phase, step, weight, *_ = row(standing)
    verified = "" if weight == "-" else " in force" if standing.state.traffic.verified else " wanted"
    return f"{name}  {phase}  {step}  {weight}{verified}  {out.line(standing.message)}"


def _live(scene: WatchCache, key: AppKey | None) -> None:
    from rich.live import Live

    with Live(console=out.console(), auto_refresh=False) as screen:
        for _ in _news(scene, _TICK_SECONDS):
            screen.update(_drawn(scene, key), refresh=True)


def _drawn(scene: WatchCache, key: AppKey | None) -> RenderableType:
    if key is None:
        rollouts = sorted(map(RolloutProgress.of, scene.of(KIND)), key=urgency)
        return out.grid(HEADERS, [row(one) for one in rollouts])
    standing = _one(scene, key)
    workloads = {ObjectKey.of(obj): obj for obj in scene.of(standing.workload.kind)}
    return picture(standing, sides(standing, workloads, scene.of("Pod")), datetime.now(UTC))


def _told(scene: WatchCache, key: AppKey | None) -> None:
    last: dict[AppKey, str] = {}
    for _ in _news(scene, None):
        rollouts = map(RolloutProgress.of, scene.of(KIND)) if key is None else [_one(scene, key)]
        for standing in rollouts:
            text = change(standing)
            if last.get(standing.key) != text:
                last[standing.key] = text
                click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  {text}")


def _one(scene: WatchCache, key: AppKey) -> RolloutProgress:
    for obj in scene.of(KIND):
        standing = RolloutProgress.of(obj)
        if standing.key == key:
            return standing
    raise NotFound(f"{KIND} {key} was deleted")


def _news(scene: WatchCache, tick: float | None) -> Iterator[None]:
    """Yields at each change and each tick, rate-limited."""
    frame = threading.Event()
    while True:
        scene.changed.wait(tick)
        scene.changed.clear()
        if scene.error is not None:
            raise scene.error
        yield
        frame.wait(_FRAME_SECONDS)


@contextlib.contextmanager
def _watching(access: ClusterClient, namespace: str, key: AppKey | None) -> Iterator[WatchCache]:
    from gitops_agent.cluster.watch import Watch, WatchOptions

    scene = WatchCache()
    watches: list[Watch] = []

    def watch(resource: Resource, *, within: str, labels: str = "", fields: str = "") -> Watch:
        opened = Watch(
            access.transport,
            resource,
            _Feed(scene, resource.kind),
            options=WatchOptions(namespace=within, label_selector=labels, field_selector=fields),
        )
        watches.append(opened)
        opened.start()
        return opened

    find = access.discovery.find
    try:
        if key is None:
            first = watch(find(GROUP, KIND), within=namespace)
        else:
            standing = RolloutProgress.of(access.objects.get(ObjectKey(GROUP, KIND, key.namespace, key.name)))
            if sys.stdout.isatty():
                watch(find("apps", standing.workload.kind), within=key.namespace)
                if selector := _selector(access, standing):
                    watch(find("", "Pod"), within=key.namespace, labels=selector)
            first = watch(find(GROUP, KIND), within=key.namespace, fields=f"metadata.name={key.name}")
        while not first.synced.wait(_FRAME_SECONDS) and scene.error is None:
            pass
        yield scene
    finally:
        for one in watches:
            one.stop()


class _Feed:
    """Hands what a watch of one kind reads to the scene."""

    def __init__(self, scene: WatchCache, kind: str) -> None:
        self._scene, self._kind = scene, kind
        self.on_event, self.on_error = scene.take, scene.fail

    def on_sync(self, objects: list[Object], _resource_version: str) -> None:
        self._scene.replace(self._kind, objects)


def _selector(access: ClusterClient, standing: RolloutProgress) -> str:
    try:
        return selecting(access.objects.get(standing.workload))
    except NotFound:
        return ""
