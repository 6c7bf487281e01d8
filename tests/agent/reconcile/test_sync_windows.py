from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_agent.agent.components import Components
from gitops_agent.agent.reconcile.sync_windows import WindowMemo, closed_now
from gitops_agent.api.sync_options import Window, WindowAction
from gitops_agent.manifest.key import Object
from gitops_agent.sync.live.live_object import LiveObject, observe
from tests.agent.cluster_env import ClusterEnv
from tests.agent.reconcile.test_hooks import job
from tests.agent.samples import config_map

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
NEVER = {"schedule": "0 0 29 2 *", "duration": "1m", "action": "allow"}
"""A window that is closed while the tests run, but on a leap day."""
FREEZE = {"schedule": "0 0 1 * *", "duration": "8784h", "reason": "year-end"}
"""A window that denies all the time."""


def window(schedule: str = "0 22 * * *", hours: int = 1, action: WindowAction = WindowAction.ALLOW) -> Window:
    return Window(schedule=schedule, duration=timedelta(hours=hours), action=action)


def live(commit: str) -> LiveObject:
    metadata = {"name": commit, "namespace": "shop", "uid": commit, "annotations": {"gitops-agent.dev/revision": commit}}
    return observe({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


# The memory


def test_without_windows_nothing_is_closed() -> None:
    assert closed_now((), NOON) is None
    assert WindowMemo().closed((), NOON) is None


def test_a_verdict_is_kept_until_it_may_change() -> None:
    memo, windows = WindowMemo(), (window(),)
    first = memo.closed(windows, NOON)

    assert first is not None
    assert memo.closed(windows, NOON + timedelta(hours=9)) is first
    assert memo.closed(windows, first.until) is None
    assert memo.closed(windows, first.until + timedelta(hours=1)) is not None


def test_a_verdict_of_a_clock_that_was_ahead_is_not_kept() -> None:
    memo, windows = WindowMemo(), (window("0 11 * * *", hours=2),)
    assert memo.closed(windows, NOON + timedelta(hours=1)) is not None

    assert memo.closed(windows, NOON) is None


def test_other_windows_are_judged_at_once() -> None:
    memo = WindowMemo()
    assert memo.closed((window(),), NOON) is not None

    assert memo.closed((window("0 11 * * *", hours=2),), NOON) is None


def test_a_commit_that_an_earlier_process_began_is_admitted_once() -> None:
    memo = WindowMemo()
    memo.restore("new", "old", [live("old"), live("new")])
    assert memo.admitted == "new"

    memo.admitted = ""
    memo.restore("new", "old", [live("new")])
    assert memo.admitted == ""


@pytest.mark.parametrize(("commit", "applied"), [("new", "new"), ("other", "old")], ids=["finished", "not begun"])
def test_a_commit_that_is_finished_or_has_not_begun_is_not_admitted(commit: str, applied: str) -> None:
    memo = WindowMemo()

    memo.restore(commit, applied, [live("new")])

    assert memo.admitted == ""


def test_the_return_to_a_healthy_commit_is_admitted_once() -> None:
    memo = WindowMemo()
    memo.admit_return("healthy")
    assert memo.admitted == "healthy"

    memo.admitted = ""
    memo.admit_return("healthy")
    assert memo.admitted == ""

    memo.admit_return("")
    memo.admit_return("healthy")
    assert memo.admitted == "healthy"


# With a control plane


def ending(seconds: float) -> tuple[Object, datetime]:
    """A window that denies for so many seconds, and its end."""
    now = datetime.now(UTC).replace(microsecond=0)
    start = now.replace(second=0) - timedelta(minutes=2)
    end = now + timedelta(seconds=seconds)
    return {"schedule": f"{start.minute} {start.hour} * * *", "duration": f"{int((end - start).total_seconds())}s"}, end


def events(world: ClusterEnv) -> list[tuple[str, str]]:
    recorded = world.person.request("GET", f"/apis/events.k8s.io/v1/namespaces/{world.home}/events")["items"]
    return [(event["reason"], event["note"]) for event in recorded]


def synced(world: ClusterEnv) -> str:
    """Creates the Application `shop` and waits for its ConfigMap `one`."""
    commit = world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.create("shop")
    world.await_synced("shop", commit)
    return commit


def close(world: ClusterEnv, **fields: object) -> None:
    world.patch("shop", {"spec": {"sync": {"windows": [NEVER | fields]}}})
    world.until(lambda: world.status("shop").get("observedGeneration") == world.application("shop")["metadata"]["generation"])


@pytest.mark.cluster
def test_a_commit_waits_for_its_window_and_says_when_it_opens(world: ClusterEnv) -> None:
    first = synced(world)
    close(world)
    assert world.ready("shop") == ("True", "Synced"), "nothing waits yet"
    assert "window" not in world.status("shop")["sync"]

    second = world.commit({"shop/one.yaml": config_map("one", colour="blue")})

    message = world.await_reason("shop", "WindowClosed")
    assert message.startswith(f"{second[:12]}: waits for the window that opens at 2028-02-29T00:00+00:00 (allow 0 0 29 2 *")
    status = world.status("shop")
    assert status["sync"]["window"]["opensAt"] == "2028-02-29T00:00:00Z"
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("OutOfSync", first)
    assert world.data("one") == {"colour": "red"}
    assert f"a window opens: {world.home}/shop" in world.components.reconciler._scheduler.names()
    world.until(lambda: ("WindowClosed", message) in events(world), "the event is there")

    before = world.application("shop")["metadata"]["resourceVersion"]
    world.components.poller.ask(next(iter(world.components.stores.applications.keys())), "a test")
    third = world.commit({"shop/one.yaml": config_map("one", colour="blue"), "elsewhere": "x"})
    world.until(lambda: world.state("shop").target == third, "the commit is seen")
    assert world.application("shop")["metadata"]["resourceVersion"] == before, "an idle agent writes nothing"


@pytest.mark.cluster
def test_a_window_that_opens_applies_what_waits(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop", sync={"windows": [FREEZE]})
    world.await_reason("shop", "WindowClosed")
    assert world.data("one") is None
    denying, end = ending(6)
    world.patch("shop", {"spec": {"sync": {"windows": [denying]}}})

    world.await_synced("shop", commit)

    assert datetime.now(UTC) >= end
    assert "window" not in world.status("shop")["sync"]


@pytest.mark.cluster
def test_an_approved_plan_runs_in_a_closed_window(world: ClusterEnv) -> None:
    synced(world)
    close(world)
    commit = world.commit({"shop/one.yaml": config_map("one", colour="blue")})
    world.await_reason("shop", "WindowClosed")

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])

    status = world.await_synced("shop", commit)
    assert world.data("one") == {"colour": "blue"}
    assert status["sync"]["approved"]["hash"] == status["sync"]["plan"]


@pytest.mark.cluster
def test_drift_waits_for_the_window_as_well(world: ClusterEnv) -> None:
    synced(world)
    close(world)

    world.edit("one", {"data": {"colour": "green"}})

    assert "waits for the window" in world.await_reason("shop", "WindowClosed")
    assert world.status("shop")["resources"]["drifted"] == 1
    assert world.data("one") == {"colour": "green"}

    world.patch("shop", {"spec": {"sync": {"windows": []}}})
    world.until(lambda: world.data("one") == {"colour": "red"}, "the drift is repaired")


@pytest.mark.cluster
def test_a_sync_passes_only_windows_that_let_users_sync(world: ClusterEnv) -> None:
    synced(world)
    close(world)
    commit = world.commit({"shop/one.yaml": config_map("one", colour="blue")})
    world.await_reason("shop", "WindowClosed")

    answer = world.request("shop")
    world.until(lambda: world.status("shop")["sync"].get("answered") == answer, "the request is answered")
    assert (world.ready("shop")[1], world.data("one")) == ("WindowClosed", {"colour": "red"})

    close(world, manualSync=True)
    assert world.ready("shop")[1] == "WindowClosed", "a request before does not count"
    world.request("shop")
    world.await_synced("shop", commit)
    assert world.data("one") == {"colour": "blue"}

    world.edit("one", {"data": {"colour": "green"}})
    world.await_reason("shop", "WindowClosed")
    assert world.data("one") == {"colour": "green"}, "the sync is over"


BALANCER = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
"""


def begin(world: ClusterEnv) -> None:
    """Begins a commit whose second object waits for a load balancer."""
    waits = config_map("two", annotations={"gitops-agent.dev/depends-on": f"/Service:{world.namespace}/web"})
    world.commit({"shop/web.yaml": BALANCER, "shop/two.yaml": waits})
    world.create("shop", sync={"timeout": "1h"})
    world.until(lambda: world.live("web", "Service"), "the first object is applied")
    close(world)
    assert world.data("two") is None


def finish(world: ClusterEnv) -> None:
    path = f"/api/v1/namespaces/{world.namespace}/services/web/status"
    patch = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    world.person.request("PATCH", path, body=patch, content_type="application/merge-patch+json")


@pytest.mark.cluster
def test_a_plan_that_has_begun_is_finished_after_its_window_has_closed(world: ClusterEnv) -> None:
    begin(world)

    finish(world)

    world.until(lambda: world.data("two"), "the second object is applied")


@pytest.mark.cluster
def test_a_plan_that_has_begun_is_finished_by_the_next_process(world: ClusterEnv) -> None:
    begin(world)
    world.stop()
    finish(world)
    world.components = Components(world.settings, world.transport)

    world.start()

    world.until(lambda: world.data("two"), "the second object is applied")


@pytest.mark.cluster
def test_hooks_wait_for_a_window_and_what_they_have_begun_is_finished(world: ClusterEnv) -> None:
    synced(world)
    close(world)
    hook = job("migrate", pod={"sandbox.gitops-agent.dev/run-for": "15s"})
    world.commit({"shop/job.yaml": hook, "shop/one.yaml": config_map("one", colour="blue")})
    world.await_reason("shop", "WindowClosed")
    assert world.live("migrate", "Job", "batch") is None

    world.patch("shop", {"spec": {"sync": {"windows": []}}})
    world.until(lambda: world.live("migrate", "Job", "batch"), "the hook runs")
    close(world)
    assert world.data("one") == {"colour": "red"}

    world.until(lambda: world.data("one") == {"colour": "blue"}, "the commit is applied")


@pytest.mark.cluster
def test_an_application_is_deleted_in_a_closed_window(world: ClusterEnv) -> None:
    synced(world)
    close(world)

    world.delete("shop")

    world.until(lambda: not world.application("shop"), "it is gone")
    assert world.data("one") is None


@pytest.mark.cluster
def test_a_freeze_without_an_end_says_so(world: ClusterEnv) -> None:
    world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop", sync={"windows": [FREEZE]})

    message = world.await_reason("shop", "WindowClosed")

    assert "waits for a window, and none opens in sight (deny 0 0 1 * * for 8784h, UTC: year-end)" in message
    assert world.status("shop")["sync"]["window"] == {"closedBy": "deny 0 0 1 * * for 8784h, UTC: year-end"}
