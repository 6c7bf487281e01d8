"""ConfigMaps the agent reads: values of variables."""

from __future__ import annotations

import time
from collections.abc import Callable

from gitops_agent.agent.stores.watched_objects import WatchedObjects
from gitops_agent.cluster.objects import Objects
from gitops_agent.manifest.kinds import CONFIG_MAP


class ConfigMapStore(WatchedObjects):
    """The ConfigMaps in use; thread-safe.

    Args:
        objects: the cluster.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(objects, CONFIG_MAP, clock=clock)
