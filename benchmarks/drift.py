"""An object is changed or deleted: time until it is repaired."""

from __future__ import annotations

import statistics
import time

from benchmarks.cluster_env import ClusterEnv, Figure, name
from benchmarks.installed import installed
from gitops_agent.manifest.key import ObjectKey

_RUNS = 40


def measure(world: ClusterEnv) -> list[Figure]:
    """Over forty changed and deleted objects: median and 99th percentile."""
    installed(world)
    times = []
    for number in range(_RUNS):
        target = name(number % world.count)
        key = ObjectKey("", "ConfigMap", target, "settings")
        if number % 2:
            world.spectator.objects.merge_patch(key, {"data": {"LEVEL": "debug"}}, field_manager="kubectl-edit")
        else:
            obj = world.spectator.objects.get(key)
            world.spectator.objects.delete(key, uid=obj["metadata"]["uid"], propagation="Background")
        started = time.monotonic()

        def back(key: ObjectKey = key) -> bool:
            return ((world.spectator.get(key) or {}).get("data") or {}).get("LEVEL") == "info"

        world.spectator.until(f"{key} is back", back)
        times.append(time.monotonic() - started)
    return [
        Figure("drift to repaired: median", statistics.median(times), "s", f"{_RUNS} objects"),
        Figure("drift to repaired: p99", statistics.quantiles(times, n=100)[98], "s", "goal 1"),
    ]
