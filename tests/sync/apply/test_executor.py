from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Invalid
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import DIGEST, REVISION, owner
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.errors import Immutable
from gitops_agent.sync.apply.executor import Executor, Result
from gitops_agent.sync.ordering.order import Until
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.policy import PlanPolicy
from tests.sync.cluster_env import ClusterEnv
from tests.sync.samples import thing
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
LABELS = {"app": "web"}


def config(name: str = "web", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"a": "1"}}


def deployment(name: str = "web", **spec: Any) -> Object:
    pod = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": "registry.test/web:1"}]}}
    body = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": pod, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def job(image: str) -> Object:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": image}]}}
    meta = {"name": "job", "annotations": {"gitops-agent.dev/replace": "on-immutable"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"suspend": True, "template": pod}}


def kinds(plan: Plan) -> dict[str, str]:
    return {action.key.name: action.kind.value for action in plan.actions}


def gone(stage: ClusterEnv, key: ObjectKey) -> bool:
    stage.look(key)
    return stage.live.get(key) is None


def test_a_first_sync_creates_marks_and_remembers(stage: ClusterEnv) -> None:
    result = stage.sync(config(), deployment())
    assert result.ok
    assert {outcome.kind for outcome in result.outcomes} == {ActionKind.CREATE}
    assert all(outcome.changed for outcome in result.outcomes)
    live = stage.objects.get(stage.key("ConfigMap", "web"))
    assert owner(live) == stage.application
    assert live["metadata"]["annotations"][REVISION] == stage.commit
    assert kinds(stage.plan(config(), deployment())) == {"web": "unchanged"}


def test_a_second_plan_is_empty_and_after_a_restart_too(stage: ClusterEnv) -> None:
    shaped = deployment()
    shaped["spec"]["template"]["spec"]["containers"][0] |= {"resources": {"limits": {"cpu": "1000m"}}, "env": [], "args": []}
    stage.sync(config(), shaped)
    assert stage.plan(config(), shaped).is_empty
    stage.restart()
    assert stage.plan(config(), shaped).is_empty


def test_a_commit_that_does_not_touch_an_object_does_not_write_it(stage: ClusterEnv) -> None:
    stage.sync(config("a"), config("b"))
    stage.commit = "b" * 40
    result = stage.sync(config("a"), config("b", x="2"))
    assert [outcome.key.name for outcome in result.outcomes] == ["b"]
    marks = stage.objects.get(stage.key("ConfigMap", "a"))["metadata"]["annotations"]
    assert marks[REVISION] == "a" * 40


def test_drift_is_found_and_repaired(stage: ClusterEnv) -> None:
    stage.sync(config())
    key = stage.key("ConfigMap", "web")
    stage.objects.merge_patch(key, {"data": {"a": "evil"}}, field_manager="kubectl-edit")
    stage.look(key)
    repair = stage.plan(config())
    assert [(action.kind, action.drift) for action in repair.writes] == [(ActionKind.UPDATE, True)]
    assert stage.executor.execute(repair).ok
    assert stage.objects.get(key)["data"] == {"a": "1"}
    assert stage.plan(config()).is_empty


def test_drift_during_downtime_is_found_after_a_restart(stage: ClusterEnv) -> None:
    shaped = deployment()
    shaped["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1000m"}}
    stage.sync(shaped)
    key = stage.key("Deployment", "web", "apps")
    stage.objects.merge_patch(key, {"spec": {"replicas": 1}}, field_manager="kubectl-scale")
    stage.restart()
    assert stage.sync(shaped).ok
    assert stage.objects.get(key)["spec"]["replicas"] == 0


def test_a_restart_of_pods_by_hand_is_not_undone(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    key = stage.key("Deployment", "web", "apps")
    restart = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    stage.objects.merge_patch(key, restart, field_manager="kubectl-rollout")
    stage.look(key)
    assert stage.plan(deployment()).is_empty


def test_what_people_add_is_taken_back_and_what_controllers_add_stays(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    key = stage.key("Deployment", "web", "apps")
    env = [{"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "DEBUG", "value": "1"}]}]
    stage.objects.json_patch(key, env, field_manager="kubectl-edit")
    note = [{"op": "add", "path": "/metadata/annotations/controller.test~1note", "value": "x"}]
    stage.objects.json_patch(key, note, field_manager="some-controller")
    stage.look(key)
    repair = stage.plan(deployment())
    assert [action.reason for action in repair.writes] == ["Undeclared"]
    assert stage.executor.execute(repair).ok
    live = stage.objects.get(key)
    assert "env" not in live["spec"]["template"]["spec"]["containers"][0]
    assert live["metadata"]["annotations"]["controller.test/note"] == "x"
    assert stage.plan(deployment()).is_empty


def test_an_object_taken_over_from_kubectl_loses_what_git_does_not_declare_and_comes_to_rest(stage: ClusterEnv) -> None:
    theirs = deployment(revisionHistoryLimit=3, minReadySeconds=5)
    theirs["metadata"] |= {"namespace": stage.namespace, "labels": {"old": "label"}}
    stage.objects.create(theirs, field_manager="kubectl-client-side-apply")
    key = stage.key("Deployment", "web", "apps")
    stage.look(key)
    for _ in range(3):
        stage.sync(deployment())
    assert stage.plan(deployment()).is_empty
    live = stage.objects.get(key)
    assert "minReadySeconds" not in live["spec"]
    assert "old" not in live["metadata"]["labels"]
    assert live["spec"]["revisionHistoryLimit"] == 10


def test_an_addition_that_cannot_be_taken_back_is_reported_once(stage: ClusterEnv) -> None:
    """A claim's volume name may be set once and never changed."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}},
    }
    stage.sync(claim)
    key = stage.key("PersistentVolumeClaim", "data")
    stage.objects.merge_patch(key, {"spec": {"volumeName": "by-hand"}}, field_manager="kubectl-edit")
    stage.look(key)
    result = stage.sync(claim)
    assert [type(error) for error in result.errors.values()] == [Invalid]
    assert stage.plan(claim).is_empty


def test_what_cannot_be_taken_back_does_not_keep_the_rest(stage: ClusterEnv) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "labels": {"ours": "1"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}},
    }
    stage.sync(claim)
    key = stage.key("PersistentVolumeClaim", "data")
    edit = {"metadata": {"labels": {"by-hand": "1"}}, "spec": {"volumeName": "by-hand"}}
    stage.objects.merge_patch(key, edit, field_manager="kubectl-edit")
    stage.look(key)
    (error,) = stage.sync(claim).errors.values()
    assert "/spec/volumeName" in str(error)
    assert "by-hand" not in stage.objects.get(key)["metadata"]["labels"]
    assert stage.plan(claim).is_empty


def test_a_namespace_that_is_going_already_is_not_deleted_twice(stage: ClusterEnv) -> None:
    name = f"{stage.namespace}-more"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    stage.sync(config("a"), namespace)
    key = ObjectKey("", "Namespace", "", name)
    obj = stage.live.get(key)
    assert obj is not None
    delete = Action(kind=ActionKind.DELETE, key=key, live=obj, intent=ActionKind.DELETE)
    plan = replace(stage.plan(config("a")), actions=(delete,))
    pinned = stage.objects.json_patch(key, [{"op": "add", "path": "/metadata/finalizers", "value": ["tests.test/pin"]}])
    assert stage.executor.execute(plan).outcomes[0].ok
    again = stage.executor.execute(plan)
    assert again.outcomes[0].ok
    after = stage.live.get(key)
    assert after is not None
    assert after.deleting
    assert after.uid == pinned["metadata"]["uid"]
    stage.objects.json_patch(key, [{"op": "remove", "path": "/metadata/finalizers"}])


def test_pruning_deletes_what_is_no_longer_declared_and_nothing_else(stage: ClusterEnv) -> None:
    stage.sync(config("a"), config("b"))
    stage.objects.create({**config("foreign"), "metadata": {"name": "foreign", "namespace": stage.namespace}})
    result = stage.sync(config("a"))
    assert [(outcome.key.name, outcome.kind) for outcome in result.outcomes] == [("b", ActionKind.DELETE)]
    eventually(lambda: gone(stage, stage.key("ConfigMap", "b")), what="the garbage collector")
    assert stage.objects.get(stage.key("ConfigMap", "foreign"))
    assert stage.plan(config("a")).is_empty


def test_an_object_that_was_replaced_by_another_of_its_name_is_not_deleted(stage: ClusterEnv) -> None:
    stage.sync(config("a"), config("b"))
    prune = stage.plan(config("a"))
    key = stage.key("ConfigMap", "b")
    stage.objects.delete(key, uid=stage.objects.get(key)["metadata"]["uid"], propagation="Background")
    stage.objects.create({**config("b"), "metadata": {"name": "b", "namespace": stage.namespace}})
    assert stage.executor.execute(prune).ok
    assert stage.objects.get(key)


def test_deleting_what_is_gone_already_is_done(stage: ClusterEnv) -> None:
    stage.sync(config("a"), config("b"))
    prune = stage.plan(config("a"))
    key = stage.key("ConfigMap", "b")
    stage.objects.delete(key, uid=stage.objects.get(key)["metadata"]["uid"], propagation="Background")
    result = stage.executor.execute(prune)
    assert result.ok
    assert stage.live.get(key) is None


def test_pruning_waits_while_something_declared_fails(stage: ClusterEnv) -> None:
    stage.sync(config("a"), config("old"))
    broken = config("new")
    broken["data"] = {"not a valid key!": "1"}
    result = stage.sync(config("a"), broken)
    assert [key.name for key in result.errors] == ["new"]
    assert [waiting.key.name for waiting in result.waiting] == ["old"]
    assert "it failed" in result.waiting[0].why
    assert stage.objects.get(stage.key("ConfigMap", "old"))


def test_one_failure_is_reported_and_blocks_no_other(stage: ClusterEnv) -> None:
    broken = deployment("broken", replicas=-1)
    unknown = {"apiVersion": "nowhere.test/v1", "kind": "Nothing", "metadata": {"name": "x", "namespace": stage.namespace}}
    stranger = {**config("lost"), "metadata": {"name": "lost", "namespace": "no-such-namespace"}}
    result = stage.sync(config("a"), broken, unknown, stranger, config("b"))
    assert {key.name: error.reason for key, error in result.errors.items()} == {
        "broken": "Invalid",
        "x": "UnknownKind",
        "lost": "MissingNamespace",
    }
    assert {outcome.key.name for outcome in result.outcomes if outcome.ok} == {"a", "b"}
    assert [error.transient for key, error in sorted(result.errors.items()) if key.name != "broken"] == [True, True]


def test_quota_and_permissions_are_distinguished(stage: ClusterEnv) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": stage.namespace}}
    stage.objects.create({**quota, "spec": {"hard": {"count/secrets": "0"}}})
    key = stage.key("ResourceQuota", "q")
    eventually(lambda: (stage.objects.get(key).get("status") or {}).get("hard"), what="the quota to be counted")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "aGlkZGVuLXZhbHVl"}}
    over = stage.sync(secret)
    assert [error.reason for error in over.errors.values()] == ["QuotaExceeded"]
    nobody = f"system:serviceaccount:{stage.namespace}:default"
    denied = stage.executor.execute(stage.plan(config()), as_user=nobody)
    assert [(error.reason, error.transient) for error in denied.errors.values()] == [("Forbidden", False)]
    assert "hidden-value" not in str(over) + str(denied)


def test_a_custom_resource_waits_for_its_definition_and_follows_by_itself(stage: ClusterEnv) -> None:
    group = f"{stage.namespace}.test"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "gears", "kind": "Gear", "singular": "gear"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    definition = thing("CustomResourceDefinition", f"gears.{group}", spec=spec)
    gear = {
        "apiVersion": f"{group}/v1",
        "kind": "Gear",
        "metadata": {"name": "one", "namespace": stage.namespace},
        "spec": {"a": 1},
    }
    first = stage.sync(definition, gear)
    assert not first.errors
    if first.waiting:
        assert [(waiting.key.name, waiting.on.name, waiting.until) for waiting in first.waiting] == [
            ("one", f"gears.{group}", Until.ESTABLISHED)
        ]
    crd = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", f"gears.{group}")

    def second() -> bool:
        stage.look(crd)
        return stage.sync(definition, gear).ok

    eventually(second, what="the custom resource to be applied")
    assert stage.plan(definition, gear).is_empty
    live = stage.objects.get(crd)
    stage.objects.delete(crd, uid=live["metadata"]["uid"], propagation="Background")


def test_nothing_is_begun_once_the_process_is_ending(stage: ClusterEnv) -> None:
    result = stage.sync(config("a"), config("b"), stop=lambda: True)
    assert (result.outcomes, result.waiting, result.stopped, result.ok) == ((), (), True, False)


class Fence:
    held = True


@pytest.fixture
def busy() -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """A pool whose only thread is busy until the event is set."""
    free = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="apply") as pool:
        pool.submit(free.wait, 60)
        yield pool, free
        free.set()


def queued(pool: ThreadPoolExecutor, run: Callable[[], Result]) -> Future[Result]:
    """Begins three writes; returns once all of them wait for a thread."""
    result: Future[Result] = Future()
    threading.Thread(target=lambda: result.set_result(run()), daemon=True).start()
    eventually(lambda: pool._work_queue.qsize() == 3, what="three writes wait for a thread")
    return result


def test_a_write_that_waits_for_a_thread_is_not_begun_once_the_process_is_ending(
    stage: ClusterEnv, busy: tuple[ThreadPoolExecutor, threading.Event]
) -> None:
    pool, free = busy
    ending = threading.Event()
    plan = stage.plan(*(config(name) for name in "abc"))
    executor = Executor(stage.objects, pool, stage.live)
    result = queued(pool, lambda: executor.execute(plan, stop=ending.is_set))
    ending.set()
    free.set()

    assert (result.result(60).outcomes, result.result().stopped) == ((), True)
    assert all(gone(stage, stage.key("ConfigMap", name)) for name in "abc")


def test_a_write_that_waits_for_a_thread_is_refused_once_the_lease_is_lost(
    stage: ClusterEnv, busy: tuple[ThreadPoolExecutor, threading.Event]
) -> None:
    pool, free = busy
    fence = Fence()
    plan = stage.plan(*(config(name) for name in "abc"))
    executor = Executor(Objects(stage.objects.transport, stage.objects.discovery, fence=fence), pool, stage.live)
    result = queued(pool, lambda: executor.execute(plan))
    fence.held = False
    free.set()

    assert {error.reason for error in result.result(60).errors.values()} == {"LeadershipLost"}
    assert all(gone(stage, stage.key("ConfigMap", name)) for name in "abc")


def test_a_run_that_is_cut_after_any_call_is_finished_by_the_next(stage: ClusterEnv) -> None:
    """Every cut is followed by a restart without any memory."""
    wanted = [config("a"), config("b"), deployment(), config("d")]
    stage.sync(config("a", x="old"), config("gone-1"), config("gone-2"))
    rounds = 0
    while not stage.plan(*wanted).is_empty:
        rounds += 1
        calls = iter([False, False, True])
        stage.executor.window._size = 1
        stage.sync(*wanted, stop=lambda calls=calls: next(calls, True))  # type: ignore[misc]
        keys = [stage.key("ConfigMap", name) for name in ("a", "b", "d", "gone-1", "gone-2")]
        stage.restart()
        stage.look(*keys, stage.key("Deployment", "web", "apps"))
        assert rounds < 20
    assert rounds > 2
    assert {key.name for key in stage.live.of(stage.application)} == {"a", "b", "d", "web"}


def test_two_executions_of_one_plan_at_once_end_as_one(stage: ClusterEnv) -> None:
    plan = stage.plan(*(config(f"c{number}") for number in range(10)))
    results = []
    threads = [threading.Thread(target=lambda: results.append(stage.executor.execute(plan))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [result.ok for result in results] == [True, True]
    assert len(stage.live.of(stage.application)) == 10


def test_a_change_that_is_impossible_in_place_is_an_error_and_deletes_nothing(stage: ClusterEnv) -> None:
    stage.sync(job("a"))
    plain = job("b")
    del plain["metadata"]["annotations"]
    before = stage.objects.get(stage.key("Job", "job", "batch"))["metadata"]["uid"]
    result = stage.sync(plain)
    assert [type(error) for error in result.errors.values()] == [Immutable]
    assert stage.objects.get(stage.key("Job", "job", "batch"))["metadata"]["uid"] == before


def test_with_the_annotation_it_is_replaced_once_the_old_one_is_gone(stage: ClusterEnv) -> None:
    key = stage.key("Job", "job", "batch")
    stage.sync(job("a"))
    before = stage.objects.get(key)["metadata"]["uid"]
    refused = stage.executor.preflight(stage.plan(job("b")))
    assert [type(error) for error in refused.values()] == [Immutable]
    replace_it = stage.plan(job("b"), immutable=frozenset(refused))
    assert [action.kind for action in replace_it.writes] == [ActionKind.REPLACE]

    first = stage.executor.execute(replace_it)
    assert not first.errors
    if not first.ok:
        assert [(waiting.key, waiting.on, waiting.until) for waiting in first.waiting] == [(key, key, Until.GONE)]

    def created() -> bool:
        stage.look(key)
        return stage.sync(job("b")).ok and stage.plan(job("b")).is_empty

    eventually(created, what="the new job")
    after = stage.objects.get(key)
    assert after["metadata"]["uid"] != before
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "b"


def test_drift_of_the_marks_themselves_is_repaired(stage: ClusterEnv) -> None:
    stage.sync(config())
    key = stage.key("ConfigMap", "web")
    stage.objects.merge_patch(key, {"metadata": {"annotations": {DIGEST: None}}}, field_manager="kubectl-annotate")
    stage.look(key)
    assert stage.sync(config()).ok
    assert DIGEST in stage.objects.get(key)["metadata"]["annotations"]


def test_observing_changes_nothing(stage: ClusterEnv) -> None:
    from gitops_agent.api.sync_options import SyncMode

    stage.sync(config())
    observed = stage.sync(config(a="2"), policy=replace(PlanPolicy(), mode=SyncMode.OBSERVE))
    assert observed.outcomes == ()
    assert stage.objects.get(stage.key("ConfigMap", "web"))["data"] == {"a": "1"}
