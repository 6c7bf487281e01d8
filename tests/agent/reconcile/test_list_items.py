"""Repair of list items that the API server refuses beside each other."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.edits import EXCHANGE_MANAGER
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map


def service(port: int) -> str:
    ports = f"ports: [{{port: {port}, targetPort: 8080}}]"
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  selector: {{app: web}}\n  {ports}\n"


@pytest.mark.cluster
def test_a_port_of_a_service_that_was_renumbered_is_repaired(world: ClusterEnv) -> None:
    files = {"shop/one.yaml": config_map("one", colour="red")}
    first = world.commit(files | {"shop/web.yaml": service(80)})
    world.create("shop")
    world.await_synced("shop", first)

    def ports() -> list[int]:
        return [port["port"] for port in (world.live("web", "Service") or {"spec": {"ports": []}})["spec"]["ports"]]

    def managers() -> set[str]:
        live = world.live("web", "Service")
        return set() if live is None else {entry["manager"] for entry in live["metadata"]["managedFields"]}

    world.edit("web", {"spec": {"ports": [{"port": 81, "targetPort": 8080}]}}, "Service")

    world.until(lambda: ports() == [80], "the edit is undone")
    world.until(lambda: EXCHANGE_MANAGER not in managers(), "no other field manager is left")
    commit = world.commit({"shop/one.yaml": config_map("one", colour="red"), "shop/web.yaml": service(82)})
    world.await_synced("shop", commit)
    assert ports() == [82]
