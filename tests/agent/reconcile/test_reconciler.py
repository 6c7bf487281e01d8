from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import owner
from gitops_agent.observe.metrics import RECONCILES
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map

pytestmark = pytest.mark.cluster


def test_what_git_declares_is_live_and_bears_our_marks(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one", colour="red"), "shop/two.yaml": config_map("two")})
    world.create("shop")
    status = world.await_synced("shop", commit)

    live = world.live("one")
    assert live is not None
    assert live["data"] == {"colour": "red"}
    assert owner(live) == AppKey(world.home, "shop")
    assert (status["sync"]["status"], status["health"]["status"], status["resources"]["total"]) == ("Synced", "Healthy", 2)


def test_a_commit_changes_and_removes_what_it_says(world: ClusterEnv) -> None:
    first = world.commit({"shop/one.yaml": config_map("one", colour="red"), "shop/two.yaml": config_map("two")})
    world.create("shop")
    world.await_synced("shop", first)

    second = world.commit({"shop/one.yaml": config_map("one", colour="blue")})
    world.await_synced("shop", second)

    assert world.data("one") == {"colour": "blue"}
    assert world.data("two") is None


def test_a_commit_outside_the_closure_renders_nothing_and_writes_no_status(world: ClusterEnv) -> None:
    files = {"shop/one.yaml": config_map("one"), "desk/other.yaml": config_map("other", colour="red")}
    world.create("shop")
    world.create("desk")
    first = world.commit(files)
    world.await_synced("shop", first)
    world.await_synced("desk", first)
    before, renders = world.application("shop")["metadata"]["resourceVersion"], world.components.renders.count

    second = world.commit(files | {"desk/other.yaml": config_map("other", colour="blue")})
    world.await_synced("desk", second)
    world.until(lambda: world.state("shop").applied == second, "shop has seen the commit, too")

    assert world.components.renders.count == renders + 1
    assert world.application("shop")["metadata"]["resourceVersion"] == before


def test_a_commit_reconciles_only_those_that_it_touches_and_a_dependant_need_not_wait(world: ClusterEnv) -> None:
    files = {"shop/one.yaml": config_map("one"), "desk/other.yaml": config_map("other", colour="red")}
    first = world.commit(files)
    world.create("shop")
    world.create("desk", dependsOn=[{"name": "shop"}])
    world.await_synced("shop", first)
    world.await_synced("desk", first)
    queue, shop = world.components.queue, AppKey(world.home, "shop")
    world.until(lambda: queue.depth() == 0 and not queue.running, "nothing is left to do")
    before = RECONCILES.labels(str(shop), "ok")._value.get()

    second = world.author.commit(files | {"desk/other.yaml": config_map("other", colour="blue")})
    world.components.poller.poll_soon(world.author.repository, "its interval is over")
    world.await_synced("desk", second)

    assert RECONCILES.labels(str(shop), "ok")._value.get() == before
    assert world.state("shop").applied == first


def test_a_reconcile_in_which_nothing_changed_costs_no_render_and_no_request(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one"), "shop/two.yaml": config_map("two")})
    world.create("shop")
    world.await_synced("shop", commit)
    components, shop = world.components, AppKey(world.home, "shop")
    events = f"/apis/events.k8s.io/v1/namespaces/{world.home}/events"
    world.until(lambda: world.person.request("GET", events)["items"], "the event Synced is recorded")

    def idle() -> bool:
        return not components.queue.running and components.queue.depth() == 0

    def calls() -> dict[tuple[str, str], int]:
        return {call: count for call, count in world.transport.count.items() if call[0] not in ("list", "watch")}

    world.until(idle)
    before, renders = calls(), components.renders.count
    for number in range(5):
        components.queue.add(shop, f"reconcile {number}")
        world.until(idle)

    assert calls() == before
    assert components.renders.count == renders


def test_drift_is_repaired_from_the_last_good_commit_while_a_newer_one_does_not_render(world: ClusterEnv) -> None:
    world.create("shop")
    good = world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.await_synced("shop", good)
    world.commit({"shop/one.yaml": "kind: ConfigMap\n  bad: indentation\n"})
    world.await_reason("shop", "InvalidManifest")

    world.edit("one", {"data": {"colour": "by hand"}})

    world.until(lambda: world.data("one") == {"colour": "red"}, "the edit is undone")
    assert world.status("shop")["sync"]["revision"] == good


def test_nothing_is_deleted_while_a_commit_does_not_render(world: ClusterEnv) -> None:
    world.create("shop")
    world.commit({"shop/one.yaml": config_map("one"), "shop/two.yaml": config_map("two")})
    world.await_reason("shop", "Synced")
    world.commit({"shop/one.yaml": "kind: ConfigMap\n  bad: indentation\n"})

    world.await_reason("shop", "InvalidManifest")

    assert world.data("two") is not None


def test_a_repository_that_goes_away_changes_nothing_and_is_reported(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.create("shop")
    world.await_synced("shop", commit)
    directory = world.author.directory
    directory.rename(directory.with_suffix(".away"))
    world.request("shop")
    world.until(lambda: world.status("shop")["source"].get("unavailableSince"), "the source is said to be away")

    world.edit("one", {"data": {"colour": "by hand"}})

    world.until(lambda: world.data("one") == {"colour": "red"}, "drift is repaired all the same")
    assert world.status("shop")["sync"]["revision"] == commit
    directory.with_suffix(".away").rename(directory)
    world.request("shop")
    world.until(lambda: not world.status("shop")["source"].get("unavailableSince"), "the source is back")


def test_a_path_that_is_not_there_is_reported_and_fixed_by_a_commit(world: ClusterEnv) -> None:
    world.commit({"elsewhere/one.yaml": config_map("one")})
    world.create("shop")
    assert "shop" in world.await_reason("shop", "PathNotFound")

    world.await_synced("shop", world.commit({"shop/one.yaml": config_map("one")}))


def test_a_request_is_answered_with_its_own_words(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", commit)

    request = world.request("shop")

    world.until(lambda: world.status("shop")["sync"].get("answered") == request)


def test_a_request_polls_at_once(world: ClusterEnv) -> None:
    world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.create("shop")
    world.await_reason("shop", "Synced")
    commit = world.author.commit({"shop/one.yaml": config_map("one", colour="blue")})

    world.request("shop")

    world.await_synced("shop", commit)


def test_a_pause_changes_nothing_until_it_is_over(world: ClusterEnv) -> None:
    world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.create("shop")
    world.await_reason("shop", "Synced")
    world.patch("shop", {"spec": {"suspend": {"reason": "incident 4711"}}})
    assert "incident 4711" in world.await_reason("shop", "Suspended")
    second = world.commit({"shop/one.yaml": config_map("one", colour="blue")})
    world.until(lambda: world.status("shop")["source"]["revision"] == second, "the commit is seen")
    assert world.data("one") == {"colour": "red"}

    world.patch("shop", {"spec": {"suspend": None}})

    world.await_synced("shop", second)
    assert world.data("one") == {"colour": "blue"}


def test_a_pause_with_an_end_ends_by_itself(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one")})
    until = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    world.create("shop", suspend={"until": until.strftime("%Y-%m-%dT%H:%M:%SZ")})

    world.await_synced("shop", commit)

    assert datetime.now(UTC) >= until


def test_a_dependant_waits_until_the_other_is_ready_at_the_same_commit(world: ClusterEnv) -> None:
    world.create("desk", dependsOn=[{"name": "shop"}])
    files = {"shop/one.yaml": config_map("one"), "desk/two.yaml": config_map("two")}
    commit = world.commit(files)
    world.until(lambda: "shop" in world.says("desk"), what="it waits for the other application")
    assert world.ready("desk")[1] == "WaitingFor"
    assert world.data("two") is None

    world.create("shop")

    world.await_synced("desk", commit)
    assert world.data("two") is not None


def test_a_spec_that_cannot_be_followed_stalls_alone(world: ClusterEnv) -> None:
    window = {"schedule": "0 22 * * *", "duration": "8h", "timezone": "Mars/Olympus"}
    world.create("desk", sync={"windows": [window]})
    world.create("shop")
    commit = world.commit({"shop/one.yaml": config_map("one"), "desk/two.yaml": config_map("two")})

    world.await_synced("shop", commit)
    world.await_reason("desk", "InvalidSpec")

    assert ("Stalled", "True") in {(condition["type"], condition["status"]) for condition in world.status("desk")["conditions"]}
    assert world.data("two") is None


def test_an_error_that_ends_a_reconcile_stands_in_the_status(world: ClusterEnv) -> None:
    world.create("shop", source={"repoURL": "https://git.example.com/", "ref": {"branch": "main"}, "path": "shop"})

    assert "the repository's URL needs a host and a path" in world.await_reason("shop", "InvalidSpec")
    assert world.ready("shop") == ("False", "InvalidSpec")
    assert world._condition("shop", "Stalled")[0] == "True"


def test_an_approval_under_way_is_carried_over_a_restart(start: Callable[[], ClusterEnv]) -> None:
    names = [f"item-{number}" for number in range(7)]
    world = start()
    world.create("shop", sync={"deletionGuard": {"maxObjects": 3, "maxPercent": 1}})
    world.commit({f"shop/{name}.yaml": config_map(name) for name in [*names, "kept"]})
    world.await_reason("shop", "Synced")
    commit = world.commit({"shop/kept.yaml": config_map("kept")})
    world.await_reason("shop", "HeldForApproval")
    plan = world.state("shop").plans.plan
    assert plan is not None
    world.stop()
    assert all(world.data(name) is not None for name in names)
    # What stands in the status when the process is killed right after it began with an approved plan.
    patch = [{"op": "add", "path": "/status/sync/approval", "value": plan.approval().to_json()}]
    path = f"/apis/gitops-agent.dev/v1alpha1/namespaces/{world.home}/applications/shop"
    world.person.request("PATCH", f"{path}/status", body=patch, content_type="application/json-patch+json")

    start().await_synced("shop", commit)

    assert [name for name in names if world.data(name) is not None] == []


def test_a_restart_writes_nothing(start: Callable[[], ClusterEnv]) -> None:
    world = start()
    commit = world.commit({"shop/one.yaml": config_map("one"), "shop/two.yaml": config_map("two")})
    world.create("shop")
    world.await_synced("shop", commit)
    world.stop()
    before = [(obj or {})["metadata"]["resourceVersion"] for obj in (world.live("one"), world.live("two"))]
    before.append(world.application("shop")["metadata"]["resourceVersion"])

    again = start()
    again.until(lambda: again.components.stores.applications.raw(AppKey(world.home, "shop")), "the Application is known")
    again.until(lambda: again.state("shop").applied == commit and not again.components.queue.running, "it has been looked at")

    after = [(obj or {})["metadata"]["resourceVersion"] for obj in (world.live("one"), world.live("two"))]
    after.append(world.application("shop")["metadata"]["resourceVersion"])
    assert after == before
