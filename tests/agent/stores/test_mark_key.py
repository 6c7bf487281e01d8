from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.agent.stores.mark_key import MarkKeyStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority, secret_key
from gitops_agent.sync.live.live_state import LiveState
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map

pytestmark = pytest.mark.cluster
Start = Callable[[], ClusterEnv]


def given(objects: Objects, namespace: str) -> MarkAuthority:
    """The authority after a start of the store."""
    authority = MarkAuthority()
    store = MarkKeyStore(objects, LiveState(authority), authority, namespace, lambda *_: None)
    store.start()
    store.stop()
    return authority


def stored(objects: Objects, namespace: str) -> bytes:
    return secret_key(objects.get(ObjectKey("", "Secret", namespace, MARK_KEY)))


def test_the_first_leader_makes_a_key_and_later_ones_read_it(objects: Objects, namespace: str) -> None:
    first = given(objects, namespace)
    second = given(objects, namespace)

    key, app = ObjectKey("", "ConfigMap", namespace, "one"), AppKey(namespace, "shop")
    assert len(stored(objects, namespace)) == 32
    assert first.seal(key, app, "u") == second.seal(key, app, "u") != ""


def test_a_secret_that_was_installed_empty_is_filled(objects: Objects, namespace: str) -> None:
    objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": MARK_KEY}})

    assert given(objects, namespace).ready
    assert len(stored(objects, namespace)) == 32


def test_without_an_api_server_the_reason_is_kept(nowhere: Transport) -> None:
    authority = given(Objects(nowhere, Discovery(nowhere)), "gitops-system")

    assert not authority.ready
    assert "127.0.0.1" in authority.problem


def forged(world: ClusterEnv, name: str, *, rollout: str = "") -> Object:
    """A ConfigMap with marks of `shop`, as any user could write."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": world.namespace, "name": name}}
    marked = marks.marked(obj, application=AppKey(world.home, "shop"), digest="d", revision="c")
    if rollout:
        marked["metadata"]["annotations"][marks.ROLLOUT] = rollout
    return world.objects.apply(marked)


def test_forged_marks_neither_hold_a_plan_nor_delete_anything(world: ClusterEnv) -> None:
    world.await_synced("shop", _committed(world, "red"))
    for number in range(8):
        forged(world, f"forged-{number}", rollout="web" if number % 2 else "")
    commit = world.commit({"shop/one.yaml": config_map("one", colour="blue")})

    world.await_synced("shop", commit)

    assert world.data("one") == {"colour": "blue"}
    world.until(lambda: world.status("shop").get("warnings"), "the forged marks are reported")
    (warning,) = world.status("shop")["warnings"]
    assert "and 5 more" in warning
    assert "no valid seal" in warning
    assert all(world.live(f"forged-{number}") is not None for number in range(8))


def test_an_application_under_deletion_leaves_objects_with_forged_marks(world: ClusterEnv) -> None:
    world.await_synced("shop", _committed(world, "red"))
    forged(world, "forged")

    world.delete("shop")

    world.until(lambda: not world.application("shop"), "the Application is gone")
    assert world.data("one") is None
    assert world.live("forged") is not None


def test_marks_of_an_earlier_version_are_sealed_without_a_change_of_content(start: Start) -> None:
    world = start()
    commit = _committed(world, "red")
    world.await_synced("shop", commit)
    world.stop()
    unsealed = marks.id_value(world.key("one"), AppKey(world.home, "shop"))
    _write_id(world, unsealed)
    before = world.live("one")

    again = start()
    again.until(lambda: _id(again).startswith(f"{unsealed}#"), "the mark is sealed")

    again.await_synced("shop", commit)
    after = again.live("one")
    assert before is not None
    assert after is not None
    assert after["data"] == before["data"]
    assert again.state("shop").plans.plan is not None


def test_a_seal_that_was_damaged_is_written_anew(world: ClusterEnv) -> None:
    world.await_synced("shop", _committed(world, "red"))
    sealed = _id(world)

    _write_id(world, sealed.partition("#")[0])

    world.until(lambda: _id(world) == sealed, "the mark is sealed again")


def _committed(world: ClusterEnv, colour: str) -> str:
    commit = world.commit({"shop/one.yaml": config_map("one", colour=colour)})
    world.create("shop")
    return commit


def _write_id(world: ClusterEnv, identity: str) -> None:
    """Changes the mark without a trace in the ownership of fields."""
    world.objects.merge_patch(
        world.key("one"), {"metadata": {"annotations": {marks.ID: identity}}}, field_manager=marks.FIELD_MANAGER
    )


def _id(world: ClusterEnv) -> str:
    live = world.live("one")
    return (marks.annotation(live, marks.ID) or "") if live is not None else ""
