"""Follows rollouts: redraws on a terminal, prints a line a change elsewhere.

Watches report changes; nothing is polled. The picture is redrawn once a second as well, because it shows times.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cli import output as out
from gitops_agent.cli.rollout.view import HEADERS, picture, row
from gitops_agent.cli.watch_cache import WatchCache
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.operations.rollout_lookup import urgency
from gitops_agent.operations.rollout_pods import selecting, sides
from gitops_agent.rollout.progress import RolloutProgress

if TYPE_CHECKING:
    from rich.console import RenderableType

_TICK_SECONDS = 1.0


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
        for _ in scene.changes(_TICK_SECONDS):
            screen.update(_drawn(scene, key), refresh=True)


def _drawn(scene: WatchCache, key: AppKey | None) -> RenderableType:
    if key is None:
        rollouts = sorted(map(RolloutProgress.of, scene.of(KIND)), key=urgency)
        return out.grid(HEADERS, [row(rollout) for rollout in rollouts])
    standing = _one(scene, key)
    workloads = {ObjectKey.of(obj): obj for obj in scene.of(standing.workload.kind)}
    return picture(standing, sides(standing, workloads, scene.of("Pod")), datetime.now(UTC))


def _told(scene: WatchCache, key: AppKey | None) -> None:
    last: dict[AppKey, str] = {}
    for _ in scene.changes():
        rollouts = map(RolloutProgress.of, scene.of(KIND)) if key is None else [_one(scene, key)]
        for standing in rollouts:
            text = change(standing)
            if last.get(standing.key) != text:
                last[standing.key] = text
                click.echo(f"{timestamp(datetime.now(UTC))}  {text}")


def _one(scene: WatchCache, key: AppKey) -> RolloutProgress:
    for obj in scene.of(KIND):
        standing = RolloutProgress.of(obj)
        if standing.key == key:
            return standing
    raise NotFound(f"{KIND} {key} was deleted")


@contextlib.contextmanager
def _watching(access: ClusterClient, namespace: str, key: AppKey | None) -> Iterator[WatchCache]:
    from gitops_agent.cluster.watch import WatchOptions

    cache = WatchCache()
    find = access.discovery.find
    try:
        if key is None:
            first = cache.watch(access, find(GROUP, KIND), WatchOptions(namespace=namespace))
        else:
            within = key.namespace
            standing = RolloutProgress.of(access.objects.get(ObjectKey(GROUP, KIND, within, key.name)))
            if sys.stdout.isatty():
                cache.watch(access, find("apps", standing.workload.kind), WatchOptions(namespace=within))
                if selector := _selector(access, standing):
                    cache.watch(access, find("", "Pod"), WatchOptions(namespace=within, label_selector=selector))
            first = cache.watch(
                access, find(GROUP, KIND), WatchOptions(namespace=within, field_selector=f"metadata.name={key.name}")
            )
        cache.await_list(first)
        yield cache
    finally:
        cache.stop()


def _selector(access: ClusterClient, standing: RolloutProgress) -> str:
    try:
        return selecting(access.objects.get(standing.workload))
    except NotFound:
        return ""
