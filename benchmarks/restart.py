"""kill -9 and a restart: time until all states are known.

With everything live; counts the writes that took.
"""

from __future__ import annotations

import time

from benchmarks.cluster_env import ClusterEnv, Figure, metrics
from benchmarks.installed import installed


def measure(world: ClusterEnv) -> list[Figure]:
    """Seconds until every application was reconciled; writes to managed objects."""
    old = installed(world)
    before = world.versions()
    old.kill()
    started = time.monotonic()
    agent = world.agent(instead=old)
    world.running = agent

    def known() -> bool:
        seen = {e.get("application") for e in agent.events() if e.get("event") == "reconciled" and e.get("sync") == "Synced"}
        return len(seen) >= world.count

    world.spectator.until("every application is known again", known, seconds=300)
    seconds = time.monotonic() - started
    after = world.versions()
    changed = sum(1 for key, version in after.items() if before.get(key) != version)
    return [
        Figure("restart: all states known", seconds, "s", f"{len(after)} objects live, lease expiry included; goal 30"),
        Figure("restart: renders", metrics(agent).get("renders", 0), ""),
        Figure("restart: objects written", changed, "", "goal 0"),
        Figure("restart: actions tried", metrics(agent).get("actions", 0), "", "goal 0"),
    ]
