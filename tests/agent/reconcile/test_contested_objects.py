"""Objects that several Applications declare, or that an account may not write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.agent.accounts import allow
from tests.agent.cluster_env import ClusterEnv, Made
from tests.agent.samples import config_map


@pytest.mark.cluster
def test_what_another_living_application_owns_is_not_taken(made: Made) -> None:
    world = made()
    world.commit({"shop/one.yaml": config_map("one", colour="red"), "desk/one.yaml": config_map("one", colour="blue")})
    world.create("desk")

    message = world.await_reason("desk", "OwnedByAnother")

    assert f"{world.home}/shop" in message
    assert "declared in desk/one.yaml" in message
    assert world.data("one") == {"colour": "red"}


@pytest.mark.cluster
def test_an_object_of_another_application_leaves_out_nothing_but_itself(made: Made) -> None:
    world = made()
    world.commit({"shop/one.yaml": config_map("one"), "desk/one.yaml": config_map("one"), "desk/two.yaml": config_map("two")})
    world.create("desk", sync={"errorPolicy": "atomic"})

    world.await_reason("desk", "OwnedByAnother")

    world.until(lambda: world.data("two") is not None, "the other object of the commit is applied")


@pytest.mark.cluster
def test_an_account_without_rights_does_not_block_an_object_of_others(world: ClusterEnv) -> None:
    world.commit({"thief/soon.yaml": config_map("soon"), "shop/soon.yaml": config_map("soon", colour="red")})
    world.create("thief", serviceAccountName="powerless")
    world.await_reason("thief", "Forbidden")

    world.create("shop")
    world.until(lambda: world.data("soon") == {"colour": "red"}, "the object is applied by the one that may")

    world.await_reason("shop", "Synced")
    assert f"{world.home}/shop" in world.await_reason("thief", "OwnedByAnother")


@pytest.mark.cluster
def test_live_objects_stay_with_their_application_after_a_restart(start: Callable[[], ClusterEnv]) -> None:
    world = start()
    commit = world.commit({"shop/one.yaml": config_map("one"), "shop/two.yaml": config_map("two")})
    world.create("shop")
    world.await_synced("shop", commit)
    world.stop()
    world.commit({"shop/one.yaml": config_map("one", colour="red"), "aaa/one.yaml": config_map("one", colour="stolen")})
    world.create("aaa")

    again = start()
    again.await_reason("aaa", "OwnedByAnother")
    again.until(lambda: again.data("one") == {"colour": "red"}, "the owner's commit is applied")
    again.await_reason("shop", "Synced")


@pytest.mark.cluster
def test_what_an_account_may_not_delete_is_left_behind_and_holds_nothing(world: ClusterEnv) -> None:
    allow(world.objects, world.namespace, "writer", "get", "create", "patch", home=world.home)
    names = [f"item-{number}" for number in range(8)]
    first = world.commit({f"shop/{name}.yaml": config_map(name) for name in names} | {"shop/keep.yaml": config_map("keep")})
    world.create("shop", serviceAccountName="writer")
    world.await_synced("shop", first)

    second = world.commit({"shop/keep.yaml": config_map("keep", colour="red")})
    world.await_synced("shop", second)

    assert world.data("keep") == {"colour": "red"}
    assert all(world.data(name) is not None for name in names)
    (warning,) = world.status("shop")["warnings"]
    assert "may not delete" in warning
