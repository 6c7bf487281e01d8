"""The leader of two replicas is killed or ends: time until takeover."""

from __future__ import annotations

import time

from benchmarks.cluster_env import ClusterEnv, Figure
from benchmarks.installed import installed
from gitops_agent.sandbox.demo.agent import AgentProcess


def measure(world: ClusterEnv) -> list[Figure]:
    """Seconds after kill -9, and after a graceful end."""
    leader = installed(world)
    second = world.agent()
    world.spectator.until("the second replica follows", lambda: _said(second, "starting"))
    started = time.monotonic()
    leader.kill()
    world.spectator.until("the second replica leads", lambda: _said(second, "leading"), seconds=60)
    hard = time.monotonic() - started
    third = world.agent()
    world.spectator.until("the third replica follows", lambda: _said(third, "starting"))
    started = time.monotonic()
    second.stop()
    world.spectator.until("the third replica leads", lambda: _said(third, "leading"), seconds=60)
    soft = time.monotonic() - started
    world.running = third
    return [
        Figure("failover: after kill -9", hard, "s", "goal 15"),
        Figure("failover: after a graceful end", soft, "s"),
    ]


def _said(agent: AgentProcess, event: str) -> bool:
    return any(entry.get("event") == event for entry in agent.events())
