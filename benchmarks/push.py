"""A commit that touches one application: from push to live.

With a sync request as a webhook makes it.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.cluster_env import ClusterEnv, Figure, metrics, name
from benchmarks.installed import installed
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sandbox.demo.scene import ask

_RUNS = 5


def measure(world: ClusterEnv) -> list[Figure]:
    """Median and worst of five pushes, and how many renders each cost."""
    agent = installed(world)
    times, renders = [], []
    for number in range(_RUNS):
        target = name(number % world.count)
        before = metrics(agent).get("renders", 0)
        path = f"apps/{target}/kustomization.yaml"
        world.repository.edit(path, lambda text, number=number: text.replace("LEVEL=", f"RUN{number}=yes, LEVEL="))  # type: ignore[misc]
        world.repository.commit(f"Change {target}")
        started = time.monotonic()
        ask(world.spectator, target)
        key = ObjectKey("", "ConfigMap", target, "settings")

        def live(key: ObjectKey = key, number: int = number) -> bool:
            return f"RUN{number}" in ((world.spectator.get(key) or {}).get("data") or {})

        world.spectator.until(f"the change of {target} is live", live)
        times.append(time.monotonic() - started)
        renders.append(metrics(agent).get("renders", 0) - before)
    return [
        Figure("push to live: median", statistics.median(times), "s", f"{_RUNS} pushes; goal 1"),
        Figure("push to live: worst", max(times), "s"),
        Figure("push: renders", max(renders), "", f"of {world.count} applications; goal 1"),
    ]
