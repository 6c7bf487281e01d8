"""Resident memory over commits, and over as many polls that find none.

A repository of a thousand files more than the applications need makes what is kept of each commit weigh. Every commit changes
one object, makes one and prunes one.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from benchmarks.cluster_env import ClusterEnv, Figure, family, metrics, name, resident_mib
from benchmarks.installed import installed
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sandbox.demo.agent import AgentProcess
from gitops_agent.sandbox.demo.scene import ask

_FILES = 1000
_WARM = 500
"""Commits before the first measurement: caches of a fixed size are nearly full after them."""

_COMMITS = int(os.environ.get("GITOPS_AGENT_BENCH_COMMITS", "300"))


def measure(world: ClusterEnv) -> list[Figure]:
    """Growth per commit and poll, of agent and render workers."""
    agent = installed(world)
    pages = world.repository.work / "docs"
    pages.mkdir()
    for number in range(_FILES):
        (pages / f"page-{number:04d}.md").write_text(f"Page {number}\n")
    commits = range(_WARM + _COMMITS)
    for number in commits[:_WARM]:
        _commit(world, number)
    start = _resident(agent)
    for number in commits[_WARM:]:
        _commit(world, number)
    pushed = _resident(agent)
    for number in range(_COMMITS):
        _poll(world, agent, number)
    idle = _resident(agent)
    return [
        Figure("memory: after the first commits", start[0], "MiB", f"after {_WARM} commits, {_FILES} files"),
        Figure("memory: growth a commit", (pushed[0] - start[0]) * 1024 / _COMMITS, "KiB", f"over {_COMMITS} commits; goal 4"),
        Figure("memory: ratio over commits", pushed[0] / start[0], "", f"after {_COMMITS} commits more; goal 1.05"),
        Figure("memory: ratio over polls", idle[0] / pushed[0], "", f"after {_COMMITS} polls without a commit; goal 1.02"),
        Figure("memory: workers, ratio", pushed[1] / start[1], "", f"of the render workers, over {_COMMITS} commits"),
    ]


def _commit(world: ClusterEnv, number: int) -> None:
    target = name(number % world.count)
    kustomization = world.repository.work / "apps" / target / "kustomization.yaml"
    kustomization.write_text(
        f"resources: [objects.yaml]\nnamespace: {target}\ngeneratorOptions: {{disableNameSuffixHash: true}}\n"
        f"configMapGenerator:\n  - {{name: settings, literals: [LEVEL=run-{number}]}}\n"
        f"  - {{name: extra-{number}, literals: [A=b]}}\n"
    )
    world.repository.commit(f"Change {target}")
    ask(world.spectator, target)

    def live() -> bool:
        settings = world.spectator.get(ObjectKey("", "ConfigMap", target, "settings")) or {}
        return (settings.get("data") or {}).get("LEVEL") == f"run-{number}"

    world.spectator.until(f"commit {number} is live", live)


def _poll(world: ClusterEnv, agent: AgentProcess, number: int) -> None:
    before = metrics(agent)["source_polls"]
    ask(world.spectator, name(number % world.count))
    polled: Callable[[], bool] = lambda: metrics(agent)["source_polls"] > before  # noqa: E731 - one line
    world.spectator.until(f"poll {number} is done", polled)


def _resident(agent: AgentProcess) -> tuple[float, float]:
    """Of the agent, and of all that it started."""
    members = family(agent.process.pid)
    return resident_mib(members[0]), sum(map(resident_mib, members[1:])) or 1.0
