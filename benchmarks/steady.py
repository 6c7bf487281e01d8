"""An idle period: requests beyond watches, processor time, renders.

Requests of the lease are left out as well.
"""

from __future__ import annotations

import threading

from benchmarks.cluster_env import ClusterEnv, Figure, cpu_seconds, metrics
from benchmarks.installed import installed

_SECONDS = 60.0
_FREE = ('verb="watch"', "leases.")


def measure(world: ClusterEnv) -> list[Figure]:
    """What a minute of nothing costs."""
    agent = installed(world)
    threading.Event().wait(10)  # what the installation set going comes to rest
    before, cpu = metrics(agent), cpu_seconds(agent.process.pid)
    threading.Event().wait(_SECONDS)
    after = metrics(agent)
    used = (cpu_seconds(agent.process.pid) - cpu) / _SECONDS * 100
    requests = {key: value - before.get(key, 0) for key, value in after.items() if key.startswith("api_requests")}
    beyond = sum(value for key, value in requests.items() if not any(free in key for free in _FREE))
    return [
        Figure("steady: API requests a minute", beyond, "", "beyond watches and the lease; goal 0"),
        Figure("steady: CPU", used, "%", "of one core; goal 1"),
        Figure("steady: renders", after.get("renders", 0) - before.get("renders", 0), "", "goal 0"),
    ]
