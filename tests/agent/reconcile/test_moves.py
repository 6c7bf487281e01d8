"""Objects that move from the Application `shop` to `desk`, in every order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import FOLLOWED, PRUNE, owner
from tests.agent.cluster_env import ClusterEnv
from tests.agent.reconcile.test_sync_windows import NEVER
from tests.agent.samples import application_object, config_map

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

KEEP = {"shop/keep.yaml": config_map("keep"), "desk/stay.yaml": config_map("stay")}
BEFORE = KEEP | {"shop/one.yaml": config_map("one", colour="red")}
AFTER = KEEP | {"desk/one.yaml": config_map("one", colour="blue")}
BROKEN = AFTER | {"desk/stay.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stay, name: [}\n"}


class Move:
    """`shop` has the ConfigMap `one`, and `desk` nothing of it yet."""

    def __init__(self, world: ClusterEnv, *, branch: str = "main", **desk: Any) -> None:
        self.world, self.branch = world, branch
        world.create("shop")
        world.create("desk", branch=branch, **desk)
        if branch != "main":
            world.author.commit(BEFORE, branch=branch)
        commit = world.commit(BEFORE)
        world.await_synced("shop", commit)
        world.until(lambda: world.data("stay") is not None or desk, "the other one is applied")
        self.before = self.uid()

    def uid(self) -> str:
        live = self.world.live("one")
        assert live is not None, "the object was deleted"
        return str(live["metadata"]["uid"])

    def shop_follows(self, commit: str) -> None:
        """Waits until the commit without the object is applied by `shop`."""
        self.world.await_synced("shop", commit)
        assert self.uid() == self.before

    def _problems(self) -> list[str]:
        problems = self.world.status("shop").get("resources", {}).get("problems") or ()
        return [problem["message"] for problem in problems if problem["object"].endswith("/one")]

    def kept(self, why: str) -> bool:
        """Waits until `shop` says why it keeps the object."""
        self.world.until(lambda: [text for text in self._problems() if why in text], f"{why}: {self._problems()}")
        assert self.uid() == self.before
        return True

    def forgotten(self) -> None:
        """Waits until `shop` says nothing of the object any more."""
        self.world.until(lambda: not self._problems(), f"nothing is said: {self._problems()}")

    def moved(self) -> None:
        """The same object is the other one's."""

        def taken() -> bool:
            live = self.world.live("one")
            assert live is not None, "the object was deleted"
            return owner(live) == AppKey(self.world.home, "desk") and live["data"] == {"colour": "blue"}

        self.world.until(taken, "the object is taken over")
        assert self.uid() == self.before

    def elsewhere(self, files: dict[str, str]) -> None:
        """Commits what only `desk` follows."""
        self.world.author.commit(files, branch=self.branch)
        self.world.components.poller.ask(AppKey(self.world.home, "desk"), "a commit")


# In one commit


@pytest.mark.parametrize("sync", [{"selfHeal": False, "prune": False, "errorPolicy": "atomic"}, {"mode": "manual"}], ids=str)
def test_an_object_is_taken_over_whatever_is_switched_off(world: ClusterEnv, sync: dict[str, Any]) -> None:
    move = Move(world, sync=sync)

    commit = world.commit(AFTER)

    move.shop_follows(commit)
    if sync.get("mode") == "manual":
        world.await_reason("desk", "HeldForApproval")
        world.annotate("desk", approved_plan=world.status("desk")["sync"]["plan"])
    move.moved()


def test_what_a_commit_without_pruning_left_behind_is_taken_over(world: ClusterEnv) -> None:
    move = Move(world)
    world.patch("shop", {"spec": {"sync": {"prune": False}}})
    world.await_reason("shop", "Synced")

    world.commit(AFTER)

    move.moved()


def test_an_object_waits_for_an_application_that_may_not_write_now(world: ClusterEnv) -> None:
    move = Move(world)
    world.patch("desk", {"spec": {"suspend": {"reason": "incident"}, "sync": {"windows": [NEVER]}}})
    world.await_reason("desk", "Suspended")

    commit = world.commit(AFTER)

    move.shop_follows(commit)
    move.kept(f"Application {world.home}/desk declares it now and has yet to take it over")
    world.patch("desk", {"spec": {"suspend": None}})
    world.await_reason("desk", "WindowClosed")
    assert move.uid() == move.before
    world.patch("desk", {"spec": {"sync": {"windows": None}}})
    move.moved()
    move.forgotten()


def test_an_object_waits_for_an_application_whose_commit_does_not_render(world: ClusterEnv) -> None:
    move = Move(world)

    world.commit(BROKEN)

    move.kept("kept, because Application desk cannot load")
    world.await_reason("shop", "Synced")
    world.commit(AFTER)
    move.moved()
    move.forgotten()


def test_a_deletion_that_waits_for_a_broken_application_is_approved(world: ClusterEnv) -> None:
    move = Move(world)
    world.commit(BROKEN)
    plan = world.status("shop")["sync"]["plan"] if move.kept("gitops-agent approve shop ") else ""

    world.annotate("shop", approved_plan=plan)

    world.until(lambda: world.live("one") is None, "the deletion runs")


def test_an_application_without_its_directory_keeps_nothing(world: ClusterEnv) -> None:
    Move(world)
    world.create("lost")
    world.await_reason("lost", "PathNotFound")

    world.commit(KEEP)

    world.until(lambda: world.live("one") is None, "the object is deleted")


def test_an_object_waits_for_an_application_that_a_rollback_pinned(world: ClusterEnv) -> None:
    move = Move(world)
    first = world.status("desk")["sync"]["revision"]
    pin = {"source": {"ref": {"commit": first, "branch": None}}}
    world.patch("desk", {"metadata": {"annotations": {FOLLOWED: json.dumps({"branch": "main"})}}, "spec": pin})
    world.until(lambda: world.status("desk")["observedGeneration"] == world.application("desk")["metadata"]["generation"])

    world.commit(AFTER)

    move.kept(f"kept, because Application desk is pinned to {first[:12]} by a rollback")
    world.patch(
        "desk",
        {"metadata": {"annotations": {FOLLOWED: None}}, "spec": {"source": {"ref": {"commit": None, "branch": "main"}}}},
    )
    move.moved()


def child(world: ClusterEnv, name: str) -> str:
    """An Application as a file of the repository."""
    obj = application_object(
        name,
        namespace=world.home,
        url=world.author.repository.url,
        path=name,
        destination={"namespace": world.namespace},
        sync={"interval": "1h"},
    )
    obj["metadata"] = {"name": name, "namespace": world.home}
    return json.dumps(obj)


def test_an_object_waits_for_an_application_that_its_commit_creates(world: ClusterEnv) -> None:
    world.create("shop")
    world.create("root", destination={"namespace": world.namespace})
    own = BEFORE | {"root/own.yaml": config_map("own")}
    world.await_synced("shop", world.commit(own))
    before = world.live("one")
    assert before is not None

    world.commit(AFTER | {"root/own.yaml": config_map("own"), "root/desk.json": child(world, "desk")})

    def taken() -> bool:
        live = world.live("one")
        assert live is not None, "the object was deleted"
        return owner(live) == AppKey(world.home, "desk")

    world.until(taken)
    live = world.live("one")
    assert live is not None
    assert live["metadata"]["uid"] == before["metadata"]["uid"]


def test_an_object_outlives_an_application_that_its_commit_deletes(world: ClusterEnv) -> None:
    world.create("root", destination={"namespace": world.namespace})
    world.create("desk")
    own = {"root/own.yaml": config_map("own"), "desk/stay.yaml": config_map("stay")}
    shop_files = {"shop/one.yaml": config_map("one", colour="red"), "root/shop.json": child(world, "shop")}
    world.commit(own | shop_files)
    world.until(lambda: world.data("one") is not None, "the child applies")
    before = world.live("one")
    assert before is not None

    world.commit(own | {"desk/one.yaml": config_map("one", colour="blue")})
    world.until(lambda: not world.application("shop"), "the Application is gone")

    world.until(lambda: world.data("one") == {"colour": "blue"})
    live = world.live("one")
    assert live is not None
    assert live["metadata"]["uid"] == before["metadata"]["uid"]


# In two commits, of two references or repositories


def test_an_application_that_declares_an_object_before_waits_for_it(world: ClusterEnv) -> None:
    move = Move(world, branch="other")

    move.elsewhere(AFTER)
    world.await_reason("desk", "OwnedByAnother")
    world.commit(AFTER)

    move.moved()


def test_an_object_that_is_kept_is_taken_over_by_an_application_that_declares_it_later(world: ClusterEnv) -> None:
    move = Move(world, branch="other")
    marked = world.commit(BEFORE | {"shop/one.yaml": config_map("one", annotations={PRUNE: "disabled"}, colour="red")})
    move.shop_follows(marked)

    move.shop_follows(world.commit(KEEP))
    move.elsewhere(AFTER)

    move.moved()


def test_an_object_that_waits_for_a_pause_outlives_a_restart(start: Callable[[], ClusterEnv]) -> None:
    world = start()
    move = Move(world, branch="other")
    world.patch("desk", {"spec": {"suspend": {"reason": "incident"}}})
    move.elsewhere(AFTER)
    world.await_reason("desk", "Suspended")
    world.until(lambda: world.state("desk").target != world.status("desk")["sync"]["revision"])
    move.shop_follows(world.commit(KEEP))
    world.stop()

    move.world = again = start()

    again.until(lambda: again.state("shop").applied, "the object's former owner has planned")
    again.request("shop")
    again.until(lambda: again.state("shop").answered, "it has planned again")
    assert move.uid() == move.before
    again.patch("desk", {"spec": {"suspend": None}})
    move.moved()
