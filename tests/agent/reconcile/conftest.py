"""An Application that is synced before the test begins."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.cluster_env import ClusterEnv, Made
from tests.agent.samples import config_map


@pytest.fixture
def made(world: ClusterEnv) -> Made:
    """Creates the Application `shop` and waits for its ConfigMap `one`."""

    def do(extra: dict[str, str] | None = None, **spec: Any) -> ClusterEnv:
        commit = world.commit({"shop/one.yaml": config_map("one", colour="red"), **(extra or {})})
        world.create("shop", **spec)
        world.await_synced("shop", commit)
        return world

    return do
