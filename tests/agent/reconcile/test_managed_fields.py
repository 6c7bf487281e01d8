"""Fields left to other field managers, on a real API server."""

from __future__ import annotations

import pytest

from gitops_agent.agent.components import Components
from gitops_agent.manifest.key import Object
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map

pytestmark = pytest.mark.cluster

FLAGGER = {"kind": "ConfigMap", "managers": ["flag*"]}


def update(world: ClusterEnv, manager: str, **data: str) -> None:
    """Another client changes data of the ConfigMap `one`."""
    path = f"/api/v1/namespaces/{world.namespace}/configmaps/one?fieldManager={manager}"
    world.person.request("PATCH", path, body={"data": data}, content_type="application/merge-patch+json")


def colours(world: ClusterEnv) -> Object:
    return world.data("one") or {}


def test_what_another_manager_takes_over_is_left_to_it_and_nothing_else(world: ClusterEnv) -> None:
    first = world.commit({"shop/one.yaml": config_map("one", colour="red", size="small", shape="round")})
    world.create("shop", sync={"ignoreFields": [FLAGGER]})
    world.await_synced("shop", first)

    update(world, "flagger", colour="blue")
    update(world, "kubectl-edit", size="large")
    world.until(lambda: colours(world)["size"] == "small", "the drift of a user is repaired")
    assert colours(world) == {"colour": "blue", "size": "small", "shape": "round"}

    second = world.commit({"shop/one.yaml": config_map("one", colour="red", size="small", shape="square")})
    world.await_synced("shop", second)
    assert colours(world) == {"colour": "blue", "size": "small", "shape": "square"}, "an update does not take it back"

    world.stop()
    world.components = Components(world.settings, world.transport)
    world.start()
    third = world.commit({"shop/one.yaml": config_map("one", colour="red", size="small", shape="oval")})
    world.await_synced("shop", third)
    assert colours(world) == {"colour": "blue", "size": "small", "shape": "oval"}, "a restart does not take it back"

    world.patch("shop", {"spec": {"sync": {"ignoreFields": []}}})
    world.until(lambda: colours(world)["colour"] == "red", "without the rule it is drift")
