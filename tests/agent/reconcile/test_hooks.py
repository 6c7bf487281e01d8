"""Hooks on a real control plane, with pods played by KWOK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.preview.comparison import PreviewTarget, compare
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map, deployment

pytestmark = pytest.mark.cluster

Run = dict[str, str]


def job(name: str, hook: str = "pre-sync", *, pod: Mapping[str, str] | None = None, version: int = 1, **marks: Any) -> str:
    """A Job with a hook annotation as YAML.

    Its pod ends at once unless its annotations say otherwise.
    """
    names = {"wave": "gitops-agent.dev/wave", "policy": "gitops-agent.dev/hook-delete-policy"}
    annotations = {"gitops-agent.dev/hook": hook} | {names.get(mark, mark): str(value) for mark, value in marks.items()}
    rows = "".join(f"    {mark}: '{value}'\n" for mark, value in annotations.items())
    inner = "".join(f"        {mark}: '{value}'\n" for mark, value in {"version": str(version), **(pod or {})}.items())
    return f"""\
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  annotations:
{rows}spec:
  backoffLimit: 0
  template:
    metadata:
      annotations:
{inner}    spec:
      restartPolicy: Never
      containers: [{{name: main, image: registry.example.com/migrate:1}}]
"""


@pytest.fixture
def restarted(start: Callable[[], ClusterEnv], world: ClusterEnv) -> Callable[[], ClusterEnv]:
    """Ends the agent and starts another one."""

    def do() -> ClusterEnv:
        world.stop()
        return start()

    return do


LONG = {"sandbox.gitops-agent.dev/run-for": "10m"}
CRASH = {
    "sandbox.gitops-agent.dev/pod": "crash",
    "sandbox.gitops-agent.dev/exit-code": "3",
    "sandbox.gitops-agent.dev/last-words": "no such table",
}


def runs(world: ClusterEnv) -> dict[tuple[str, str], Run]:
    """The recorded runs by name and moment."""
    recorded = (world.status("shop").get("hooks") or {}).get("runs") or ()
    return {(run["object"].rpartition("/")[2], run["moment"]): run for run in recorded}


def state(world: ClusterEnv, name: str, moment: str = "pre-sync") -> str:
    return runs(world).get((name, moment), {}).get("state", "")


def live_job(world: ClusterEnv, name: str) -> Object | None:
    return world.live(name, "Job", "batch")


def uid(world: ClusterEnv, name: str) -> str:
    live = live_job(world, name)
    return str(live["metadata"]["uid"]) if live else ""


def test_a_pre_sync_hook_runs_before_anything_is_applied(world: ClusterEnv) -> None:
    world.commit({"shop/job.yaml": job("migrate", pod=LONG), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.until(lambda: state(world, "migrate") == "Running", "the Job runs")
    assert (
        world.await_reason("shop", "WaitingFor")
        .partition(", running since")[0]
        .endswith("waits for pre-sync Job " + f"{world.namespace}/migrate")
    )
    assert world.live("one") is None


def test_what_is_declared_follows_the_hook_and_the_hook_is_not_repeated(world: ClusterEnv) -> None:
    files = {"shop/job.yaml": job("migrate"), "shop/one.yaml": config_map("one")}
    commit = world.commit(files)
    world.create("shop")
    status = world.await_synced("shop", commit)
    assert (status["hooks"]["phase"], status["hooks"]["operation"]) == ("done", "install")
    assert state(world, "migrate") == "Succeeded"
    assert world.live("one") is not None
    first = uid(world, "migrate")
    world.until(lambda: not (live_job(world, "migrate") or {}).get("metadata", {}).get("finalizers"), "the finalizer is gone")

    world.edit("one", {"data": {"key": "edited"}})
    world.until(lambda: world.data("one") == {"key": "value"}, "drift is repaired")
    world.commit({**files, "README.md": "nothing of this application"})
    world.request("shop")
    world.until(lambda: world.state("shop").answered == "1", "the request is answered")
    assert uid(world, "migrate") == first

    changed = world.commit({**files, "shop/one.yaml": config_map("one", key="new")})
    status = world.await_synced("shop", changed)
    assert status["hooks"]["operation"] == "upgrade"
    second = uid(world, "migrate")
    assert second not in ("", first)

    world.commit(files)
    world.until(lambda: uid(world, "migrate") not in ("", first, second), "going back to an old commit runs it again")


def test_a_hook_whose_ttl_is_over_is_not_repeated_by_another_agent(
    world: ClusterEnv, restarted: Callable[[], ClusterEnv]
) -> None:
    commit = world.commit({"shop/job.yaml": job("migrate", policy="hook-succeeded"), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", commit)
    world.until(lambda: live_job(world, "migrate") is None, "its policy deletes the Job")
    again = restarted()
    again.edit("one", {"data": {"key": "edited"}})
    again.until(lambda: again.data("one") == {"key": "value"}, "drift is repaired")
    assert live_job(again, "migrate") is None


def test_a_failed_hook_stops_the_sync_and_names_the_exit_code(world: ClusterEnv) -> None:
    files = {"shop/job.yaml": job("migrate", pod=CRASH), "shop/one.yaml": config_map("one")}
    commit = world.commit({**files, "shop/undo.yaml": job("undo", "sync-fail")})
    world.create("shop")
    message = world.await_reason("shop", "HookFailed")
    assert f"{commit[:12]}: batch/Job:{world.namespace}/migrate: pre-sync hook: " in message
    assert "3" in message
    assert "no such table" in message
    world.until(lambda: state(world, "undo", "sync-fail") == "Succeeded", "the hook of a failed sync runs")
    assert world.live("one") is None
    access = ClusterClient(world.person, world.objects.discovery, world.objects, world.home)
    preview = compare(access, world.application("shop"), PreviewTarget())
    assert [action.key.name for action in preview.plan.changes()] == ["one"]
    assert preview.stopped.startswith(f"the pre-sync hook batch/Job:{world.namespace}/migrate failed; the plan waits")
    assert preview.stopped.endswith("or for `gitops-agent sync shop`")

    first = uid(world, "migrate")
    world.request("shop")
    world.until(lambda: uid(world, "migrate") not in ("", first), "a request runs the failed hook again")
    world.await_reason("shop", "HookFailed")

    repaired = world.commit({**files, "shop/job.yaml": job("migrate", version=2)})
    world.await_synced("shop", repaired)
    assert world.live("one") is not None


def test_a_hook_that_a_person_deletes_has_failed(world: ClusterEnv) -> None:
    world.commit({"shop/job.yaml": job("migrate", pod=LONG), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.until(lambda: state(world, "migrate") == "Running", "the Job runs")
    world.objects.delete(world.key("migrate", "Job", "batch"), uid=uid(world, "migrate"))
    assert "pre-sync hook: was deleted before it ended" in world.await_reason("shop", "HookFailed")
    world.until(lambda: live_job(world, "migrate") is None, "the finalizer lets it go")
    assert world.live("one") is None


def test_a_hook_that_does_not_end_is_bounded_by_the_timeout(world: ClusterEnv) -> None:
    world.commit({"shop/job.yaml": job("migrate", pod=LONG), "shop/one.yaml": config_map("one")})
    world.create("shop", sync={"timeout": "2s"})
    assert "did not end within 2s (spec.sync.timeout)" in world.await_reason("shop", "HookFailed")


def test_hooks_run_one_after_the_other_by_their_wave(world: ClusterEnv) -> None:
    first, second = job("a-second", wave=1), job("b-first", wave=-1)
    commit = world.commit({"shop/jobs.yaml": f"{first}---\n{second}", "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", commit)
    jobs = [live_job(world, name) for name in ("b-first", "a-second")]
    earlier, later = (obj or {} for obj in jobs)
    assert earlier["status"]["completionTime"] <= later["metadata"]["creationTimestamp"]


def test_a_post_sync_hook_waits_until_everything_is_healthy(world: ClusterEnv) -> None:
    bad = deployment("web", annotations={"sandbox.gitops-agent.dev/pod": "hang"})
    world.commit({"shop/job.yaml": job("smoke", "post-sync"), "shop/web.yaml": bad})
    world.create("shop")
    world.until(lambda: world.live("web", "Deployment", "apps"), "the Deployment is applied")
    world.until(lambda: world.status("shop").get("health", {}).get("status") == "Progressing", "it does not become healthy")
    assert live_job(world, "smoke") is None
    commit = world.commit({"shop/job.yaml": job("smoke", "post-sync"), "shop/web.yaml": deployment("web")})
    world.await_synced("shop", commit)
    assert state(world, "smoke", "post-sync") == "Succeeded"


def test_a_sync_hook_stands_between_the_waves(world: ClusterEnv) -> None:
    late = config_map("late", annotations={"gitops-agent.dev/wave": "2"})
    files = {"shop/one.yaml": config_map("one"), "shop/late.yaml": late}
    world.commit({**files, "shop/job.yaml": job("middle", "sync", wave=1, pod=LONG)})
    world.create("shop")
    world.until(lambda: state(world, "middle", "sync") == "Running", "the hook runs")
    assert world.live("one") is not None
    assert world.live("late") is None
    end_pods(world, "middle")
    world.until(lambda: world.live("late"), "the later wave follows")


def test_newer_content_waits_for_a_hook_that_runs(world: ClusterEnv) -> None:
    files = {"shop/job.yaml": job("migrate", pod=LONG), "shop/one.yaml": config_map("one")}
    world.commit(files)
    world.create("shop")
    world.until(lambda: state(world, "migrate") == "Running", "the Job runs")
    first = uid(world, "migrate")
    commit = world.commit({"shop/job.yaml": job("migrate", version=2), "shop/one.yaml": config_map("one")})
    world.until(lambda: "of an earlier commit" in world.says("shop"), "it says what it waits for")
    assert uid(world, "migrate") == first
    end_pods(world, "migrate")
    world.await_synced("shop", commit)
    assert uid(world, "migrate") != first


def test_an_agent_that_ends_in_the_middle_repeats_nothing(world: ClusterEnv, restarted: Callable[[], ClusterEnv]) -> None:
    commit = world.commit({"shop/job.yaml": job("migrate", pod=LONG), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.until(lambda: live_job(world, "migrate"), "the Job is there")
    first = uid(world, "migrate")
    again = restarted()
    end_pods(again, "migrate")
    again.await_synced("shop", commit)
    assert uid(again, "migrate") == first


def test_an_application_that_was_synced_without_hooks_does_not_run_them_for_old_content(
    world: ClusterEnv, restarted: Callable[[], ClusterEnv]
) -> None:
    files = {"shop/one.yaml": config_map("one"), "shop/job.yaml": job("migrate")}
    commit = world.commit(files)
    world.create("shop")
    world.await_synced("shop", commit)
    world.stop()
    world.objects.delete(world.key("migrate", "Job", "batch"), uid=uid(world, "migrate"))
    world.until(lambda: live_job(world, "migrate") is None, "no trace of the hook")
    world.forget_hooks("shop")
    again = restarted()
    again.until(lambda: (again.status("shop").get("hooks") or {}).get("phase") == "done", "it counts as done")
    assert live_job(again, "migrate") is None


def test_a_hook_in_a_namespace_that_is_created_with_the_application(world: ClusterEnv) -> None:
    target = f"{world.namespace}-made"
    commit = world.commit({"shop/job.yaml": job("migrate"), "shop/one.yaml": config_map("one")})
    world.create("shop", destination={"namespace": target, "createNamespace": True})
    world.await_synced("shop", commit)
    world.objects.delete(namespace_key(target), uid=str(world.objects.get(namespace_key(target))["metadata"]["uid"]))


def test_the_objects_of_hooks_go_with_their_application(world: ClusterEnv) -> None:
    commit = world.commit({"shop/job.yaml": job("migrate"), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", commit)
    world.delete("shop")
    world.until(lambda: not world.application("shop"), "the Application goes")
    world.until(lambda: live_job(world, "migrate") is None, "its hooks too")


def test_a_job_of_another_tool_is_replaced_once_it_has_ended(world: ClusterEnv) -> None:
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": world.namespace},
        "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "registry.example.com/m:1"}]}}
        },
    }
    world.objects.apply(manifest)
    before = uid(world, "migrate")
    world.until(lambda: "completionTime" in ((live_job(world, "migrate") or {}).get("status") or {}), "it ended")
    commit = world.commit({"shop/job.yaml": job("migrate"), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", commit)
    assert uid(world, "migrate") != before


def end_pods(world: ClusterEnv, name: str) -> None:
    """Lets the pods of a Job end well, once they run."""
    pods: list[Object] = []

    def run() -> bool:
        path = f"/api/v1/namespaces/{world.namespace}/pods?labelSelector=job-name={name}"
        pods[:] = world.person.request("GET", path)["items"]
        return bool(pods) and all(pod.get("status", {}).get("phase") == "Running" for pod in pods)

    world.until(run, f"the pods of {name} run")
    for pod in pods:
        path = f"/api/v1/namespaces/{world.namespace}/pods/{pod['metadata']['name']}/status"
        patch = {"status": {"phase": "Succeeded", "containerStatuses": None}}
        world.person.request("PATCH", path, body=patch, content_type="application/merge-patch+json")


def namespace_key(name: str) -> ObjectKey:
    return ObjectKey("", "Namespace", "", name)


def test_hooks_of_a_deletion_run_before_and_after_it(world: ClusterEnv) -> None:
    files = {"shop/one.yaml": config_map("one"), "shop/before.yaml": job("before", "pre-delete", pod=LONG)}
    commit = world.commit({**files, "shop/after.yaml": job("after", "post-delete", pod=LONG)})
    world.create("shop")
    world.await_synced("shop", commit)
    assert live_job(world, "before") is None
    world.delete("shop")
    world.until(lambda: state(world, "before", "pre-delete") == "Running", "the first hook runs")
    assert "waits for pre-delete Job" in world.says("shop")
    assert world.live("one") is not None
    end_pods(world, "before")
    world.until(lambda: state(world, "after", "post-delete") == "Running", "the second hook runs")
    assert world.live("one") is None
    end_pods(world, "after")
    world.until(lambda: not world.application("shop"), "the Application goes")
    world.until(lambda: live_job(world, "before") is None and live_job(world, "after") is None, "its hooks go last")


def test_a_deletion_knows_its_hooks_after_a_restart(world: ClusterEnv, restarted: Callable[[], ClusterEnv]) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one"), "shop/before.yaml": job("before", "pre-delete", pod=CRASH)})
    world.create("shop")
    world.await_synced("shop", commit)
    world.stop()
    world.delete("shop")
    again = restarted()
    assert "pre-delete hook: " in again.await_reason("shop", "HookFailed")
    assert again.live("one") is not None
    again.patch("shop", {"spec": {"deletionPolicy": "orphan"}})
    again.until(lambda: not again.application("shop"), "orphans need no hooks")
    again.until(lambda: not (live_job(again, "before") or {}).get("metadata", {}).get("finalizers"), "no finalizer is left")


def test_an_application_that_is_deleted_in_the_middle_of_a_hook_waits_for_it(world: ClusterEnv) -> None:
    world.commit({"shop/job.yaml": job("migrate", pod=LONG), "shop/one.yaml": config_map("one")})
    world.create("shop")
    world.until(lambda: state(world, "migrate") == "Running", "the Job runs")
    world.delete("shop")
    world.until(lambda: "to end" in world.says("shop"), "it waits")
    end_pods(world, "migrate")
    world.until(lambda: not world.application("shop"), "the Application goes")
    world.until(lambda: live_job(world, "migrate") is None, "its hook too")


def test_applications_that_wait_for_each_other_print_the_circle(world: ClusterEnv) -> None:
    world.commit({"shop/one.yaml": config_map("one"), "bank/two.yaml": config_map("two")})
    world.create("shop", dependsOn=[{"name": "bank"}])
    world.create("bank", dependsOn=[{"name": "shop"}])
    world.until(lambda: "in a circle: shop → bank → shop" in world.says("shop"), "it prints the circle")


def test_waves_are_deleted_in_reverse(world: ClusterEnv) -> None:
    held = config_map("held", annotations={"gitops-agent.dev/wave": "1"})
    files = {"shop/one.yaml": config_map("one"), "shop/held.yaml": held, "shop/kept.yaml": config_map("kept")}
    commit = world.commit(files)
    world.create("shop")
    world.await_synced("shop", commit)
    world.edit("held", {"metadata": {"finalizers": ["example.com/held"]}})
    world.commit({"shop/kept.yaml": config_map("kept")})
    world.until(lambda: ((world.live("held") or {}).get("metadata") or {}).get("deletionTimestamp"), "the higher wave goes")
    assert not (world.live("one") or {"metadata": {}})["metadata"].get("deletionTimestamp")
    world.edit("held", {"metadata": {"finalizers": None}})
    world.until(lambda: world.live("one") is None, "the lower wave follows")
