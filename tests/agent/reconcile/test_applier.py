from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.marks import owner
from tests.agent.cluster_env import ClusterEnv, Made
from tests.agent.samples import config_map, deployment

POLICY = """\
apiVersion: gitops-agent.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: web}
spec: {targetRef: {name: web}, strategy: {rolling: {}}}
"""
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\ndata:\n  list: [no, text]\n"


def events(world: ClusterEnv) -> set[str]:
    """The reasons of the Kubernetes Events about the Applications."""
    recorded = world.person.request("GET", f"/apis/events.k8s.io/v1/namespaces/{world.home}/events")["items"]
    return {event["reason"] for event in recorded}


@pytest.mark.cluster
def test_an_edit_by_hand_is_undone_and_reported(made: Made) -> None:
    world = made()

    world.edit("one", {"data": {"colour": "by hand"}})

    world.until(lambda: world.data("one") == {"colour": "red"}, "the edit is undone")
    world.until(lambda: {"DriftDetected", "DriftRepaired"} <= events(world), "both are reported")


@pytest.mark.cluster
def test_a_deletion_by_hand_is_undone(made: Made) -> None:
    world = made()
    before = world.live("one")
    assert before is not None

    world.objects.delete(world.key("one"), uid=before["metadata"]["uid"])

    world.until(lambda: world.data("one") == {"colour": "red"}, "it is there again")
    world.until(lambda: {"DriftDetected", "DriftRepaired"} <= events(world), "both are told")


@pytest.mark.cluster
def test_without_self_healing_a_deletion_by_hand_is_only_told(made: Made) -> None:
    world = made(sync={"selfHeal": False})
    before = world.live("one")
    assert before is not None

    world.objects.delete(world.key("one"), uid=before["metadata"]["uid"])

    world.until(lambda: world.status("shop")["resources"]["drifted"] == 1, "the drift is counted")
    assert world.data("one") is None
    status = world.status("shop")
    assert (status["sync"]["status"], status["health"]["status"]) == ("OutOfSync", "Missing")
    assert [(problem["object"], problem["reason"]) for problem in status["resources"]["problems"]] == [
        (str(world.key("one")), "Missing")
    ]


@pytest.mark.cluster
def test_what_a_user_adds_beside_git_is_undone(made: Made) -> None:
    world = made()

    world.edit("one", {"data": {"added": "by hand"}})

    world.until(lambda: world.data("one") == {"colour": "red"}, "the addition is gone")


@pytest.mark.cluster
def test_without_self_healing_drift_is_only_reported(made: Made) -> None:
    world = made(sync={"selfHeal": False})

    world.edit("one", {"data": {"colour": "by hand"}})

    world.until(lambda: world.status("shop")["resources"]["drifted"] == 1, "the drift is counted")
    assert world.data("one") == {"colour": "by hand"}
    assert world.status("shop")["resources"]["problems"][0]["object"] == str(world.key("one"))


@pytest.mark.cluster
def test_a_fight_ends_with_the_agent_giving_way(made: Made) -> None:
    world = made()
    rounds = 0

    def fight() -> bool:
        nonlocal rounds
        if world.data("one") == {"colour": "red"}:
            rounds += 1
            world.edit("one", {"data": {"colour": f"mine {rounds}"}})
        problems = world.status("shop")["resources"]["problems"]
        return bool(problems) and problems[0]["reason"] == "Fighting"

    world.until(fight, "the fight is reported")

    assert 3 <= rounds <= 8
    assert world.data("one") == {"colour": f"mine {rounds}"}


@pytest.mark.cluster
def test_in_mode_observe_nothing_is_changed(world: ClusterEnv) -> None:
    world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop", sync={"mode": "observe"})

    world.await_reason("shop", "Observing")

    assert world.data("one") is None


@pytest.mark.cluster
def test_in_mode_manual_nothing_is_changed_without_approval(world: ClusterEnv) -> None:
    commit = world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop", sync={"mode": "manual"})
    world.await_reason("shop", "HeldForApproval")
    assert world.data("one") is None

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"][:12])

    world.await_synced("shop", commit)
    assert world.data("one") is not None


@pytest.mark.cluster
def test_an_approval_is_for_one_plan_and_void_for_the_next(made: Made) -> None:
    extra = {f"shop/item-{n}.yaml": config_map(f"item-{n}") for n in range(3)}
    world = made(extra, sync={"deletionGuard": {"maxObjects": 0, "maxPercent": 1}})
    world.commit({"shop/one.yaml": config_map("one"), "shop/item-0.yaml": config_map("item-0")})
    world.await_reason("shop", "HeldForApproval")
    old = world.status("shop")["sync"]["plan"]
    commit = world.commit({"shop/one.yaml": config_map("one")})
    world.until(lambda: world.status("shop")["sync"]["plan"] != old, "another plan")

    world.annotate("shop", approved_plan=old)
    world.until(lambda: not world.components.queue.running and world.components.queue.depth() == 0)
    assert world.ready("shop")[1] == "HeldForApproval"
    assert world.data("item-2") is not None

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])
    world.await_synced("shop", commit)
    assert world.data("item-2") is None


@pytest.mark.cluster
def test_a_commit_approves_nothing_and_who_did_is_recorded(made: Made) -> None:
    world = made({"shop/two.yaml": config_map("two")}, sync={"deletionGuard": {"maxObjects": 0, "maxPercent": 1}})
    world.commit({"shop/one.yaml": config_map("one")})
    world.await_reason("shop", "HeldForApproval")
    plan = world.status("shop")["sync"]["plan"]

    commit = world.commit({"shop/one.yaml": config_map("one")}, message=f"Tidy up\n\nGitops-Agent-Approve: {plan}\n")
    world.until(lambda: "the trailer of its commit" in world.says("shop"), "the trailer is not accepted")
    assert world.data("two") is not None

    world.annotate("shop", approved_plan=plan, approved_by=f"{plan} ada@example.com")

    status = world.await_synced("shop", commit)
    assert world.data("two") is None
    approved = status["sync"]["approved"]
    assert (approved["hash"], approved["by"], approved["via"]) == (plan, "ada@example.com", "annotation")
    newest = status["history"][0]
    assert (newest["result"], newest["approved"], newest["approver"]) == ("Synced", plan, "ada@example.com")


@pytest.mark.cluster
def test_a_held_plan_repairs_drift_all_the_same(made: Made) -> None:
    extra = {f"shop/item-{n}.yaml": config_map(f"item-{n}") for n in range(3)}
    world = made(extra, sync={"deletionGuard": {"maxObjects": 0, "maxPercent": 1}})
    world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.await_reason("shop", "HeldForApproval")

    world.edit("one", {"data": {"colour": "by hand"}})

    world.until(lambda: world.data("one") == {"colour": "red"}, "the edit is undone")
    assert world.data("item-0") is not None


@pytest.mark.cluster
def test_a_commit_whose_rollout_waits_for_approval_deletes_nothing_before(world: ClusterEnv) -> None:
    def release(number: int, *more: str) -> dict[str, str]:
        reads = f", envFrom: [{{configMapRef: {{name: settings-{number}}}}}]}}]"
        web = deployment("web", replicas=0, annotations={"version": str(number)}).replace("}]\n", f"{reads}\n")
        names = ("one", f"settings-{number}", *more)
        return {"shop/web.yaml": web, "shop/policy.yaml": POLICY} | {f"shop/{name}.yaml": config_map(name) for name in names}

    commit = world.commit(release(1, "extra"))
    world.create("shop", sync={"deletionGuard": {"maxObjects": 1, "maxPercent": 1}})
    world.await_synced("shop", commit)

    rendered = world.components.renders.count
    commit = world.commit(release(2))
    world.await_reason("shop", "HeldForApproval")
    world.until(lambda: not world.components.queue.running and world.components.queue.depth() == 0)
    assert None not in (world.data("extra"), world.data("settings-1"))

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])
    world.await_synced("shop", commit)
    world.until(lambda: world.data("extra") is None and world.data("settings-1") is None, "both are gone")
    assert world.components.renders.count == rendered + 1, "the stable version is not rendered again for its rollout"


@pytest.mark.cluster
def test_one_refused_object_keeps_the_whole_commit_back(made: Made) -> None:
    world = made()
    world.commit({"shop/one.yaml": config_map("one", colour="blue"), "shop/broken.yaml": BROKEN})

    assert "broken" in world.await_reason("shop", "Invalid")

    assert world.data("one") == {"colour": "red"}


@pytest.mark.cluster
def test_isolated_errors_let_the_rest_go_on(made: Made) -> None:
    world = made(sync={"errorPolicy": "isolate"})
    world.commit({"shop/one.yaml": config_map("one", colour="blue"), "shop/broken.yaml": BROKEN})

    assert "broken" in world.await_reason("shop", "Invalid")

    world.until(lambda: world.data("one") == {"colour": "blue"}, "the other object is applied")


@pytest.mark.cluster
def test_an_application_does_no_more_than_its_account_may(world: ClusterEnv) -> None:
    world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop", serviceAccountName="powerless")

    message = world.await_reason("shop", "Forbidden")

    assert f"ServiceAccount {world.home}/powerless, which spec.serviceAccountName names, does not exist" in message
    assert world.data("one") is None


@pytest.mark.cluster
def test_what_was_there_before_is_taken_over(world: ClusterEnv) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": world.namespace}}
    before = world.objects.apply({**manifest, "data": {"colour": "by hand"}}, field_manager="kubectl")
    commit = world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.create("shop")
    world.await_synced("shop", commit)

    after = world.live("one")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == {"colour": "red"}


@pytest.mark.cluster
def test_what_an_application_left_behind_is_free(made: Made) -> None:
    world = made(deletionPolicy="orphan")
    before = world.live("one")
    world.delete("shop")
    world.until(lambda: not world.application("shop"))
    commit = world.commit({"desk/one.yaml": config_map("one", colour="blue")})

    world.create("desk")
    world.await_synced("desk", commit)

    after = world.live("one")
    assert before is not None
    assert after is not None
    assert owner(after) == AppKey(world.home, "desk")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


@pytest.mark.cluster
def test_what_cannot_be_changed_is_replaced_only_when_it_asks_for_it(made: Made) -> None:
    def frozen(value: str, *, replace: bool) -> str:
        marks = {"gitops-agent.dev/replace": "on-immutable"} if replace else None
        return config_map("frozen", annotations=marks, value=value) + "immutable: true\n"

    world = made({"shop/frozen.yaml": frozen("one", replace=False)})
    before = world.live("frozen")
    keep = {"shop/one.yaml": config_map("one", colour="red")}
    world.commit(keep | {"shop/frozen.yaml": frozen("two", replace=False)})
    world.until(lambda: world.ready("shop")[0] == "False", "the change is refused")
    assert world.data("frozen") == {"value": "one"}

    commit = world.commit(keep | {"shop/frozen.yaml": frozen("two", replace=True)})
    world.await_synced("shop", commit)

    after = world.live("frozen")
    assert before is not None
    assert after is not None
    assert after["data"] == {"value": "two"}
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


@pytest.mark.cluster
def test_the_agent_s_own_namespace_is_never_deleted(made: Made) -> None:
    own = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NAME}\n"
    world = made(sync={"deletionGuard": {"maxObjects": 100, "maxPercent": 100, "protectedKinds": []}})
    files = {"shop/one.yaml": config_map("one")}
    world.await_synced("shop", world.commit(files | {"shop/home.yaml": own.replace("NAME", world.home)}))

    world.await_synced("shop", world.commit(files))

    recorded = world.objects.get(ObjectKey("", "Namespace", "", world.home))
    assert "deletionTimestamp" not in recorded["metadata"]


@pytest.mark.cluster
def test_replicas_of_an_autoscaled_workload_are_left_to_the_autoscaler(world: ClusterEnv) -> None:
    scaler = (
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n"
        "  maxReplicas: 5\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
    )
    commit = world.commit({"shop/web.yaml": deployment("web"), "shop/scaler.yaml": scaler})
    world.create("shop")
    # Without metrics the autoscaler itself never becomes healthy here.
    world.until(lambda: world.status("shop").get("sync", {}).get("revision") == commit)

    world.objects.merge_patch(
        world.key("web", "Deployment", "apps"), {"spec": {"replicas": 2}}, field_manager="horizontal-pod-autoscaler"
    )
    world.request("shop")
    world.until(lambda: not world.components.queue.running and world.components.queue.depth() == 0)

    recorded = world.live("web", "Deployment", "apps")
    assert recorded is not None
    assert recorded["spec"]["replicas"] == 2


@pytest.mark.cluster
@pytest.mark.parametrize("self_heal", [True, False])
def test_an_edit_under_our_own_name_while_the_agent_was_down_is_seen(
    start: Callable[[], ClusterEnv], *, self_heal: bool
) -> None:
    world = start()
    commit = world.commit({"shop/one.yaml": config_map("one", colour="red")})
    world.create("shop", sync={"selfHeal": self_heal})
    world.await_synced("shop", commit)
    world.stop()
    live = world.live("one")
    assert live is not None
    forged = {name: live[name] for name in ("apiVersion", "kind")}
    kept = {name: live["metadata"][name] for name in ("namespace", "name", "labels", "annotations")}
    world.objects.apply({**forged, "metadata": kept, "data": {"colour": "evil"}}, field_manager="gitops-agent")

    again = start()

    if self_heal:
        again.until(lambda: again.data("one") == {"colour": "red"}, "the edit is undone")
        again.until(lambda: "DriftRepaired" in events(again), "it is reported")
    else:
        again.until(lambda: again.status("shop")["resources"]["drifted"] == 1, "the edit is reported")
        assert again.data("one") == {"colour": "evil"}
