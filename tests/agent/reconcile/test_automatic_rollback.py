"""Commits that degrade, and what replaces them, on a real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.manifest.marks import RETRY
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map, deployment

pytestmark = pytest.mark.cluster

SYNC = {"timeout": "1s", "rollback": {"onDegraded": True}}


def files(name: str = "shop", *, colour: str, runs: bool = True) -> dict[str, str]:
    """A ConfigMap, and a Deployment whose pods may find no node."""
    web = deployment(f"{name}-web")
    if not runs:
        web = web.replace("      containers:", "      nodeSelector: {nowhere: at-all}\n      containers:")
    return {f"{name}/config.yaml": config_map(f"{name}-config", colour=colour), f"{name}/web.yaml": web}


def broken(world: ClusterEnv, name: str = "shop", **sync: Any) -> tuple[str, str]:
    """A healthy commit, then one that never becomes healthy."""
    good = world.commit(files(name, colour="red"))
    world.create(name, sync={**SYNC, **sync})
    world.await_synced(name, good)
    bad = world.commit(files(name, colour="blue", runs=False))
    return good, bad


def test_the_last_healthy_commit_is_applied_again(world: ClusterEnv) -> None:
    good, bad = broken(world)

    world.until(lambda: world.status("shop").get("rollback", {}).get("held"), what="the commit is rejected")
    world.until(lambda: world.status("shop")["sync"]["revision"] == good, what="the healthy commit is applied")

    assert world.data("shop-config") == {"colour": "red"}
    assert world.ready("shop") == ("False", "RolledBack")
    assert world.says("shop").startswith(
        f"{bad[:12]} is rejected: apps/Deployment:{world.namespace}/shop-web: not healthy after 1 s"
    )
    assert world.says("shop").endswith(f"; {good[:12]} is applied")
    assert [entry["result"] for entry in world.status("shop")["history"]] == ["RolledBack", "Synced", "Synced"]
    assert world.components.renders.count == 2, "the healthy commit is not rendered again"


def test_a_restart_does_not_try_the_rejected_commit_again(start: Callable[[], ClusterEnv]) -> None:
    world = start()
    good, _ = broken(world)
    world.until(lambda: world.status("shop").get("rollback", {}).get("held"), what="the commit is rejected")
    world.until(lambda: world.status("shop")["sync"]["revision"] == good, what="the healthy commit is applied")

    world.stop()
    later = start()
    later.edit("shop-config", {"data": {"colour": "green"}})
    later.until(lambda: later.data("shop-config") == {"colour": "red"}, what="drift is repaired to the healthy commit")

    assert later.ready("shop") == ("False", "RolledBack")
    assert later.status("shop")["sync"]["revision"] == good


def test_a_commit_that_changes_nothing_here_stays_rejected_and_a_corrected_one_is_applied(world: ClusterEnv) -> None:
    good, _ = broken(world)
    world.until(lambda: world.status("shop").get("rollback", {}).get("held"), what="the commit is rejected")

    world.commit({**files(colour="blue", runs=False), "elsewhere/readme.txt": "text"})
    request = world.request("shop")
    world.until(lambda: world.status("shop")["sync"].get("answered") == request, what="the other commit is seen")
    assert world.ready("shop") == ("False", "RolledBack")
    assert world.status("shop")["sync"]["revision"] == good

    corrected = world.commit(files(colour="green"))
    world.await_synced("shop", corrected)
    assert world.data("shop-config") == {"colour": "green"}


def test_a_retry_tries_the_rejected_commit_again(world: ClusterEnv) -> None:
    good, _ = broken(world)
    world.until(lambda: world.status("shop").get("rollback", {}).get("held"), what="the commit is rejected")
    world.until(lambda: world.status("shop")["sync"]["revision"] == good, what="the healthy commit is applied")

    world.patch("shop", {"metadata": {"annotations": {RETRY: "once"}}})

    world.until(lambda: world.data("shop-config") == {"colour": "blue"}, what="it is applied again")
    world.until(lambda: len(world.status("shop")["rollback"]["rejected"]) == 2, what="it is rejected again")
    assert world.status("shop")["rollback"]["retried"] == "once"


def test_a_rollback_waits_for_no_other_application(world: ClusterEnv) -> None:
    good = world.commit({**files(colour="red"), "base/one.yaml": config_map("one")})
    world.create("base")
    world.create("shop", sync=SYNC, dependsOn=[{"name": "base"}])
    world.await_synced("shop", good)

    world.commit({**files(colour="blue", runs=False), "base/one.yaml": config_map("one")})

    world.await_reason("shop", "RolledBack")
    world.until(lambda: world.data("shop-config") == {"colour": "red"}, what="the healthy commit is applied")


def test_without_the_option_a_degraded_commit_stays(world: ClusterEnv) -> None:
    _, bad = broken(world, rollback={})

    world.await_reason("shop", "Degraded")

    assert world.status("shop")["sync"]["revision"] == bad
    assert "rollback" not in world.status("shop")


def test_a_group_is_rolled_back_together(world: ClusterEnv) -> None:
    sync = {**SYNC, "rollback": {"onDegraded": True, "group": "release"}}
    good = world.commit({**files("web", colour="red"), "db/config.yaml": config_map("db-config", colour="red")})
    for name in ("web", "db"):
        world.create(name, sync=sync)
        world.await_synced(name, good)

    bad = world.commit({**files("web", colour="blue", runs=False), "db/config.yaml": config_map("db-config", colour="blue")})

    for name in ("web", "db"):
        world.await_reason(name, "RolledBack")
        world.until(lambda name=name: world.status(name)["sync"]["revision"] == good, what=f"{name} is rolled back")  # type: ignore[misc]
    assert world.data("db-config") == {"colour": "red"}
    assert world.says("db").startswith(f"{bad[:12]} is rejected: Application web rejected it")

    world.patch("web", {"metadata": {"annotations": {RETRY: "once"}}})
    for name in ("web", "db"):
        world.until(lambda name=name: _rejections(world, name) == 2, what=f"{name} tries it again")  # type: ignore[misc]
    assert world.says("web").startswith(f"{bad[:12]} is rejected: apps/Deployment:")
    assert world.says("db").count("rejected it") == 1

    corrected = world.commit({**files("web", colour="blue"), "db/config.yaml": config_map("db-config", colour="blue")})
    world.await_synced("web", corrected)
    world.until(lambda: world.data("db-config") == {"colour": "blue"}, what="db goes on with web, though it did not change")


def test_a_commit_that_changes_only_a_follower_is_tried_by_the_whole_group(world: ClusterEnv) -> None:
    sync = {**SYNC, "rollback": {"onDegraded": True, "group": "release"}}
    good = world.commit({**files("web", colour="red"), "db/config.yaml": config_map("db-config", colour="red")})
    for name in ("web", "db"):
        world.create(name, sync=sync)
        world.await_synced(name, good)
    bad = files("web", colour="blue", runs=False)
    world.commit({**bad, "db/config.yaml": config_map("db-config", colour="blue")})
    for name in ("web", "db"):
        world.until(lambda name=name: _rejections(world, name) == 1, what=f"{name} is rolled back")  # type: ignore[misc]

    later = world.commit({**bad, "db/config.yaml": config_map("db-config", colour="green")})

    for name in ("web", "db"):
        world.until(lambda name=name: _rejections(world, name) == 2, what=f"{name} tries and rejects it")  # type: ignore[misc]
        assert world.status(name)["rollback"]["rejected"][0]["revision"] == later
    world.until(lambda: world.data("db-config") == {"colour": "red"}, what="db goes with web")


def _rejections(world: ClusterEnv, name: str) -> int:
    status = world.status(name)["rollback"]
    return len(status["rejected"]) if status.get("held") else 0


def test_a_healthy_commit_that_cannot_be_read_is_reported_and_nothing_is_lost(start: Callable[[], ClusterEnv]) -> None:
    world = start()
    _, bad = broken(world)
    world.until(lambda: world.status("shop").get("rollback", {}).get("held"), what="the commit is rejected")
    damaged = {**world.status("shop")["rollback"], "healthy": {"revision": "f" * 40, "content": "gone"}}
    world.stop()
    world.patch_status("shop", {"rollback": damaged})

    later = start()

    later.until(lambda: "cannot be read" in later.says("shop"), what="it is reported")
    assert bad[:12] in later.says("shop")
    assert later.data("shop-config") is not None


def test_the_agent_says_which_object_was_degraded(world: ClusterEnv) -> None:
    broken(world)
    world.until(lambda: world.status("shop").get("rollback", {}).get("held"), what="the commit is rejected")

    def events() -> set[str]:
        recorded = world.person.request("GET", f"/apis/events.k8s.io/v1/namespaces/{world.home}/events")["items"]
        return {str(event["reason"]) for event in recorded}

    world.until(lambda: "RolledBack" in events(), what="an Event says so")
