"""Deletion of an Application that declares other Applications."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import application_object, config_map

pytestmark = pytest.mark.cluster


def child(world: ClusterEnv, **sync: Any) -> str:
    """The Application `shop` as a file of the repository."""
    obj = application_object(
        "shop",
        namespace=world.home,
        url=world.author.repository.url,
        path="shop",
        destination={"namespace": world.namespace},
        sync={"interval": "1h", **sync},
    )
    obj["metadata"] = {"name": "shop", "namespace": world.home}
    return json.dumps(obj)


def deploy(world: ClusterEnv, *, root: dict[str, Any], **sync: Any) -> dict[str, str]:
    """Deploys `root`, which declares `shop` with eight ConfigMaps: the files."""
    maps = {f"shop/m{number}.yaml": config_map(f"m{number}") for number in range(8)}
    files = maps | {"root/shop.json": child(world, **sync), "root/own.yaml": config_map("own")}
    commit = world.commit(files)
    world.create("root", destination={"namespace": world.namespace}, sync=root)
    world.until(lambda: world.application("shop"), "the child exists")
    world.await_synced("shop", commit)
    world.await_synced("root", commit)
    return files


def test_an_approved_deletion_covers_the_applications_below(world: ClusterEnv) -> None:
    deploy(world, root={})
    world.delete("root")
    assert "10 objects would go, 8 of them along with others" in world.await_reason("root", "HeldForApproval")
    plan = world.status("root")["sync"]["plan"]

    world.annotate("root", approved_plan=plan, approved_by=f"{plan} ada")

    world.until(lambda: not world.application("root"), "the root is gone")
    assert not world.application("shop")
    assert world.data("m0") is None


def test_an_approved_commit_covers_the_applications_it_removes(world: ClusterEnv) -> None:
    files = deploy(world, root={})
    commit = world.commit({name: text for name, text in files.items() if name != "root/shop.json"})
    world.await_reason("root", "HeldForApproval")

    world.annotate("root", approved_plan=world.status("root")["sync"]["plan"])

    world.await_synced("root", commit)
    assert not world.application("shop")
    assert world.data("m0") is None


def test_an_application_names_those_below_whose_deletion_waits_for_approval(world: ClusterEnv) -> None:
    deploy(world, root={"deletionGuard": {"maxObjects": 100}}, deletionGuard={"maxObjects": 0, "maxPercent": 1})
    world.delete("root")

    world.until(lambda: "1 of them waits for approval: shop" in world.says("root"), "the root names the child")

    assert world.data("m0") is not None
    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])
    world.until(lambda: not world.application("root"), "the root is gone")


def test_a_commit_names_the_removed_applications_whose_deletion_waits_for_approval(world: ClusterEnv) -> None:
    guard = {"maxObjects": 0, "maxPercent": 1}
    files = deploy(world, root={"deletionGuard": {"maxObjects": 100}}, deletionGuard=guard)

    world.commit({name: text for name, text in files.items() if name != "root/shop.json"})

    world.until(lambda: "its deletion waits for approval: 8 objects would go" in world.says("root"), "the root names it")
