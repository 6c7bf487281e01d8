"""Rollouts and what else decides about pods: autoscalers, budgets, quotas, probes, evictions."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.pod_failures import POD, PodFailure
from tests.acceptance.gateway import API as GATEWAY
from tests.acceptance.gateway import ROUTED, Controller, route, weights
from tests.acceptance.installed_agent import apply
from tests.acceptance.objects import crd, deployment, files, service
from tests.acceptance.rollout import WEB, Rollout, canary, image, policy
from tests.acceptance.tenant import Tenant
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": WEB}
SCALER: Object = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": WEB},
    "spec": {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 9},
}
SCALED: Object = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": WEB},
    "spec": {"scaleTargetRef": {"name": WEB}, "triggers": [{"type": "cron", "metadata": {"desiredReplicas": "2"}}]},
}


@pytest.fixture
def gateway(team: Tenant) -> Iterator[Controller]:
    with Controller(team.plane, team.namespace) as controller:
        yield controller


def routed(team: Tenant, *more: Object, replicas: int = 4, **step: object) -> Rollout:
    """A rollout with one step that waits for approval."""
    return Rollout(team, canary({"weight": 50, "approval": True, **step}), route(), *more, replicas=replicas, traffic=ROUTED)


def scaled(team: Tenant, replicas: int) -> None:
    """What an autoscaler does."""
    team.edit("Deployment", WEB, {"spec": {"replicas": replicas}}, api="apps/v1", manager="kube-controller-manager")


def quota(team: Tenant, pods: int) -> None:
    """Allows so many pods in the namespace."""
    team.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": str(pods)}}})
    team.until(lambda: (team.get("ResourceQuota", "q") or {}).get("status", {}).get("used"), "the quota counts")


def begun(rollout: Rollout) -> None:
    """Installs it; the application never gets healthy without autoscaler controller."""
    rollout.team.commit(rollout.manifests(1))
    rollout.team.declare()
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")


def test_a_canary_follows_the_live_replicas_and_only_grows_within_a_step(team: Tenant, gateway: Controller) -> None:
    rollout = routed(team, SCALER)
    begun(rollout)
    # The real autoscaler may otherwise write the minimum after, and over, the number below.
    team.until(lambda: rollout.workload()["spec"]["replicas"] == 2, "the autoscaler has raised it to its minimum")
    scaled(team, 4)
    team.until(lambda: rollout.workload()["status"].get("availableReplicas") == 4, "the workload has four pods")
    rollout.push(2)
    rollout.at("Step", "Hold")
    team.until(lambda: (rollout.second() or {})["spec"]["replicas"] == 2, "the canary has half of the live replicas")
    live = team.get("HorizontalPodAutoscaler", WEB, api="autoscaling/v2") or {}
    assert live["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"

    scaled(team, 6)
    team.until(lambda: (rollout.second() or {})["spec"]["replicas"] == 3, "the canary grows with the workload")
    scaled(team, 3)
    team.looked()
    assert (rollout.second() or {})["spec"]["replicas"] == 3
    assert rollout.workload()["spec"]["replicas"] == 3, "the autoscaler's number is not ours to change"
    rollout.command(CommandKind.APPROVE)

    rollout.at("Idle")
    assert rollout.image() == image(2)

    def restored() -> bool:
        live = team.get("HorizontalPodAutoscaler", WEB, api="autoscaling/v2") or {}
        scale_down = (live["spec"].get("behavior") or {}).get("scaleDown") or {}
        return bool(scale_down.get("selectPolicy") != "Disabled")

    team.until(restored, "the autoscaler may scale down again")
    assert rollout.workload()["spec"]["replicas"] == 3


def test_a_scaled_object_does_not_scale_down_during_a_run(team: Tenant, gateway: Controller, keda: None) -> None:
    rollout = routed(team, SCALED)
    begun(rollout)
    scaled(team, 2)
    rollout.push(2)
    rollout.at("Step", "Hold")

    live = team.get("ScaledObject", WEB, api="keda.sh/v1alpha1") or {}
    behavior = live["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior == {"scaleDown": {"selectPolicy": "Disabled"}}
    assert rollout.workload()["spec"]["replicas"] == 2
    rollout.command(CommandKind.APPROVE)

    rollout.at("Idle")
    assert rollout.image() == image(2)
    wanted = SCALED["spec"]
    team.until(lambda: (team.get("ScaledObject", WEB, api="keda.sh/v1alpha1") or {})["spec"] == wanted, "it is Git's again")


@pytest.fixture
def keda(control_plane: ControlPlane) -> None:
    definition = crd("keda.sh", "ScaledObject")
    definition["spec"]["versions"][0]["name"] = "v1alpha1"
    apply(control_plane, definition)
    eventually(lambda: control_plane.request("GET", "/apis/keda.sh/v1alpha1/scaledobjects"))


def test_a_budget_that_counts_both_sides_is_reported(team: Tenant) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": WEB},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": WEB}}},
    }
    rollout = Rollout(team, canary({"weight": 50}), budget)
    rollout.begin()

    (note,) = rollout.until(lambda status: status.get("notes"), "the budget is told")["notes"]
    assert "PodDisruptionBudget" in note
    assert "gitops-agent.dev/variant: primary" in note


def test_a_quota_that_leaves_no_room_is_named_and_ends_the_run(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50}), progressDeadline="6s")
    rollout.begin()
    quota(team, 4)

    rollout.push(2)

    rollout.until(lambda status: "exceeded quota" in status["message"], "the reason is told while it waits")
    status = rollout.at("Held")
    assert "exceeded quota" in status["message"]
    assert rollout.workload()["status"]["availableReplicas"] == 4


def test_a_quota_without_room_for_a_surge_does_not_end_a_rolling_update(team: Tenant) -> None:
    def version(number: int) -> dict[str, str]:
        workload = deployment(WEB, image=image(number), replicas=4)
        workload["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
        return files(workload, policy({"rolling": {}}, service=None))

    rollout = Rollout(team, {"rolling": {}})
    commit = team.commit(version(1))
    team.declare()
    team.settled(commit)
    rollout.at("Idle")
    quota(team, 4)

    commit = team.commit(version(2))

    def hindered() -> bool:
        conditions = rollout.workload()["status"].get("conditions") or ()
        return any(condition["type"] == "ReplicaFailure" and condition["status"] == "True" for condition in conditions)

    team.until(hindered, "the quota stands in the way")
    team.looked()
    assert rollout.status()["stage"] == "Roll", "what may pass is waited for"
    team.delete("ResourceQuota", "q")
    team.until(lambda: retried(team) and not hindered(), "the ReplicaSets have their pods")
    team.settled(commit)
    assert rollout.image() == image(2)
    assert rollout.status()["history"][0]["result"] == "Promoted"


def retried(team: Tenant) -> bool:
    """Triggers every ReplicaSet, which backs off after refused pods.

    For up to 1,000 s.
    """
    items = team.plane.request("GET", f"/apis/apps/v1/namespaces/{team.namespace}/replicasets")["items"]
    for item in items:
        touched = item["metadata"]["resourceVersion"]
        team.edit("ReplicaSet", item["metadata"]["name"], {"metadata": {"annotations": {"touched": touched}}}, api="apps/v1")
    return True


def test_a_version_that_fixes_a_broken_workload_waits_for_a_person_and_is_not_rejected(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50}), replicas=2, progressDeadline="5s")
    rollout.begin()
    for pod in rollout.pods():
        name = pod["metadata"]["name"]
        team.edit("Pod", name, {"metadata": {"annotations": {POD: PodFailure.PROBE_FAILS}}})
        address = f"/api/v1/namespaces/{team.namespace}/pods/{name}/status"
        unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        team.plane.request("PATCH", address, unready, content_type="application/strategic-merge-patch+json")
    team.until(lambda: not rollout.workload()["status"].get("availableReplicas"), "its pods serve no more")

    commit = rollout.push(2)

    message = rollout.at("Paused")["message"]
    assert "the workload itself has 0 of" in message
    assert "rejected" not in rollout.status()
    rollout.command(CommandKind.PROMOTE)
    team.settled(commit)
    assert rollout.image() == image(2)


def test_pods_that_never_become_ready_get_no_traffic(team: Tenant, gateway: Controller) -> None:
    rollout = routed(team)
    rollout.spec["progressDeadline"] = "4s"
    rollout.begin()

    rollout.push(2, annotations={POD: PodFailure.PROBE_FAILS})

    seen: list[dict[str, int]] = []

    def held(status: Object) -> bool:
        seen.append(weights(team.get("HTTPRoute", WEB, api=GATEWAY)))
        return bool(status["phase"] == "Held")

    rollout.until(held, "it is taken back")
    assert all(split == {WEB: 1} for split in seen)
    assert "0 of 2 canary pods are available" in rollout.status()["message"]


def test_pods_count_only_after_their_minimal_time(team: Tenant) -> None:
    def version(number: int) -> dict[str, str]:
        workload = deployment(WEB, image=image(number), replicas=2)
        workload["spec"]["minReadySeconds"] = 4
        return files(workload, service(WEB), policy(canary({"weight": 50, "approval": True})))

    rollout = Rollout(team, canary())
    commit = team.commit(version(1))
    team.declare()
    team.settled(commit)
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
    team.commit(version(2))

    def ready() -> bool:
        status = (rollout.second() or {}).get("status") or {}
        return bool(status.get("readyReplicas")) and not status.get("availableReplicas")

    team.until(ready, "a canary pod is ready and not yet available")
    assert rollout.status()["phase"] == "Provision"
    rollout.at("Step", "Hold")


def test_traffic_leaves_a_canary_without_pods_and_comes_back_with_them(team: Tenant, gateway: Controller) -> None:
    rollout = routed(team, replicas=2)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")
    assert weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 50, "web-canary": 50}
    quota(team, 2)

    for pod in rollout.pods():
        if pod["metadata"]["labels"]["gitops-agent.dev/variant"] == "canary":
            team.delete("Pod", pod["metadata"]["name"])

    team.until(lambda: weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 1}, "the traffic leaves")
    rollout.at("Step", "Scale")
    team.delete("ResourceQuota", "q")
    # The ReplicaSet's controller tries again with longer and longer pauses.
    rollout.at("Step", "Hold", seconds=90)
    assert weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 50, "web-canary": 50}


def test_neither_adoption_nor_its_end_leaves_the_service_short_of_pods(team: Tenant) -> None:
    workload = deployment(WEB, image=image(1), replicas=4)
    workload["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    commit = team.commit(files(workload, service(WEB)))
    team.declare()
    team.settled(commit)
    query = f"labelSelector=kubernetes.io%2Fservice-name%3D{WEB}"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{team.namespace}/endpointslices?{query}"

    def ready() -> int:
        endpoint_slices = team.plane.request("GET", slices)["items"]
        return len(
            {
                endpoint["addresses"][0]
                for each in endpoint_slices
                for endpoint in each["endpoints"] or ()
                if endpoint["conditions"]["ready"]
            }
        )

    team.until(lambda: ready() == 4, "all pods are endpoints")
    fewest, done = [4], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            fewest.append(ready())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        rollout = Rollout(team, canary({"weight": 50}))
        commit = team.commit(files(policy(canary({"weight": 50}))))
        rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
        team.settled(commit)
        assert (rollout.selector() or {})["gitops-agent.dev/variant"] == "primary"
        team.settled(team.replace(files(workload, service(WEB))))
    finally:
        done.set()
        watcher.join()
    assert min(fewest) == 4
    assert rollout.selector() == {"app": WEB}
    labels = rollout.workload()["spec"]["template"]["metadata"]["labels"]
    assert labels == {"app": WEB}
