"""Objects removed, changed or broken before or during a rollout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.gateway import API as GATEWAY
from tests.acceptance.gateway import ROUTED, Controller, route, served, weights
from tests.acceptance.objects import deployment, files, service
from tests.acceptance.rollout import API, WEB, Rollout, canary, image, policy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

HELD_AT_HALF = canary({"weight": 50, "approval": True})


@pytest.fixture
def gateway(team: Tenant) -> Iterator[Controller]:
    with Controller(team.plane, team.namespace) as controller:
        yield controller


def test_a_route_that_a_hand_deletes_comes_back_with_its_share(team: Tenant, gateway: Controller) -> None:
    rollout = Rollout(team, HELD_AT_HALF, route(), traffic=ROUTED)
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")

    team.delete("HTTPRoute", WEB, api=GATEWAY)

    wanted = {WEB: 50, "web-canary": 50}
    team.until(lambda: weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == wanted, "the route is back")
    rollout.command(CommandKind.APPROVE)
    team.settled(commit)
    assert weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 1}


def test_weights_that_a_hand_changes_are_repaired(team: Tenant, gateway: Controller) -> None:
    rollout = Rollout(team, HELD_AT_HALF, route(), traffic=ROUTED)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    changed = route()["spec"]["rules"]
    team.edit("HTTPRoute", WEB, {"spec": {"rules": changed}}, api=GATEWAY)

    wanted = {WEB: 50, "web-canary": 50}
    team.until(lambda: weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == wanted, "the share is back")


def test_a_namespace_that_is_deleted_under_a_run_is_installed_again(team: Tenant) -> None:
    place = f"{team.namespace}-shop"
    rollout = Rollout(team, HELD_AT_HALF, replicas=2)
    team.commit(rollout.manifests(1))
    team.declare(destination={"namespace": place, "createNamespace": True})

    def status() -> Object:
        live_policy = team.get("RolloutPolicy", WEB, api=API, namespace=place) or {}
        live_status: Object = live_policy.get("status") or {}
        return live_status

    team.until(lambda: (status().get("state") or {}).get("adoption") == "Done", "the workload is made ready")
    commit = rollout.push(2)
    team.until(lambda: status().get("stage") == "Hold", "the run holds")

    team.plane.request("DELETE", f"/api/v1/namespaces/{place}")

    team.settled(commit, seconds=120.0)
    live = team.get("Deployment", WEB, api="apps/v1", namespace=place) or {}
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == image(2)
    deployments = team.plane.request("GET", f"/apis/apps/v1/namespaces/{place}/deployments")["items"]
    assert [obj["metadata"]["name"] for obj in deployments] == [WEB]
    team.remove()
    team.plane.request("DELETE", f"/api/v1/namespaces/{place}")


def test_an_application_that_is_deleted_under_a_run_takes_everything_along(team: Tenant) -> None:
    rollout = Rollout(team, HELD_AT_HALF, replicas=2)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    team.remove()

    def left() -> list[str]:
        places = ("apis/apps/v1", "deployments"), ("api/v1", "services"), (f"apis/{API}", "rolloutpolicies")
        return [
            str(item["metadata"]["name"])
            for root, plural in places
            for item in team.plane.request("GET", f"/{root}/namespaces/{team.namespace}/{plural}")["items"]
        ]

    team.until(lambda: not left(), "nothing is left")


def test_a_policy_that_names_nothing_holds_new_versions_and_is_not_ready(team: Tenant) -> None:
    lost = policy(HELD_AT_HALF, targetRef={"name": "wbe"})
    rollout = Rollout(team, HELD_AT_HALF)
    team.commit(files(deployment(WEB, image=image(1)), service(WEB), lost))
    team.declare()
    message = team.says("RolloutRefused", "did you mean Deployment web?")
    assert "new versions of what no policy covers are held: Deployment web" in message

    team.commit(files(deployment(WEB, image=image(2), replicas=2), service(WEB), lost), "Version 2")
    team.until(lambda: rollout.workload()["spec"]["replicas"] == 2, "the second commit is applied but for its version")
    assert rollout.image() == image(1)
    assert rollout.status()["conditions"][0]["reason"] == "RolloutRefused"

    team.commit(files(deployment(WEB, image=image(2), replicas=2), service(WEB), policy(HELD_AT_HALF)), "Correct the policy")
    rollout.at("Step", "Hold")
    assert rollout.image() == image(1), "the corrected policy rolls the held version out in its steps"


def test_a_policy_whose_service_is_not_declared_is_refused_at_rest_and_with_a_version(team: Tenant) -> None:
    alone = policy(HELD_AT_HALF, service="weeb")
    rollout = Rollout(team, HELD_AT_HALF)
    team.commit(files(deployment(WEB, image=image(1)), service(WEB), alone))
    team.declare()
    team.says("RolloutRefused", "did you mean Service web?")
    note = rollout.until(lambda status: status.get("notes"), "it says so as well")["notes"][0]
    assert "/weeb is not declared by this application" in note

    team.commit(files(deployment(WEB, image=image(2)), service(WEB), alone), "Version 2")
    rollout.at("Pending")
    team.says("RolloutRefused", "did you mean Service web?")
    assert rollout.status()["conditions"][0]["reason"] == "RolloutRefused"
    assert rollout.image() == image(1)


def test_without_the_resource_of_the_provider_no_run_begins(team: Tenant) -> None:
    split: Object = {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": {"name": WEB},
        "spec": {"service": WEB, "backends": [{"service": WEB, "weight": 100}]},
    }
    smi = {"provider": "smi", "routes": [{"kind": "TrafficSplit", "name": WEB}]}
    rollout = Rollout(team, HELD_AT_HALF, split, traffic=smi, progressDeadline="5s")
    team.commit(rollout.manifests(1))
    team.declare()
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")

    rollout.push(2)

    rollout.until(lambda status: "TrafficSplit" in status["message"], "it says what is missing")
    team.looked()
    assert rollout.second() is None
    assert rollout.image() == image(1)


def test_a_policy_that_is_edited_in_the_middle_counts_from_the_next_run_on(team: Tenant) -> None:
    rollout = Rollout(team, HELD_AT_HALF)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    rollout.strategy = canary({"weight": 25, "approval": True}, {"weight": 50, "approval": True})
    rollout.push(2)

    rollout.until(lambda status: status.get("observedGeneration") == 2, "the edit is seen")
    status = rollout.at("Step", "Hold", step=0)
    assert (status["steps"], status["weight"]) == (1, 50)
    rollout.command(CommandKind.APPROVE)
    rollout.at("Idle")
    rollout.push(3)
    status = rollout.at("Step", "Hold", step=0)
    assert (status["steps"], status["weight"]) == (2, 25)


def test_two_policies_of_one_workload_are_refused(team: Tenant) -> None:
    rollout = Rollout(team, HELD_AT_HALF)
    rollout.begin()
    other = policy(HELD_AT_HALF)
    other["metadata"]["name"] = "other"

    rollout.push(2, other)

    message = team.says("RolloutRefused", "are both about Deployment web")
    assert "RolloutPolicy" in message
    assert rollout.image() == image(1)
    team.settled(team.replace(Rollout(team, canary({"weight": 50})).manifests(2)))


def test_two_workloads_behind_one_service_are_refused(team: Tenant) -> None:
    second = deployment("second", image=image(1))
    second["spec"]["template"]["metadata"]["labels"]["app"] = WEB
    second["spec"]["selector"]["matchLabels"] = {"app": WEB, "part": "second"}
    second["spec"]["template"]["metadata"]["labels"]["part"] = "second"
    rollout = Rollout(team, HELD_AT_HALF, second)
    commit = team.commit(rollout.manifests(1))
    team.declare()
    team.until(lambda: rollout.status().get("phase") and commit, "the policy is known")

    rollout.push(2)

    rollout.until(lambda status: "selects the pods of" in status["message"], "it says why")
    assert rollout.image() == image(1)
    assert (team.get("Deployment", "second", api="apps/v1") or {})["status"].get("availableReplicas") == 1


def test_names_that_leave_no_room_for_more_are_shortened(team: Tenant) -> None:
    long_service, long_workload = "s" * 63, "w" * 60

    def version(number: int) -> dict[str, str]:
        workload = deployment(long_workload, image=image(number), replicas=2)
        front = service(long_service)
        front["spec"]["selector"] = {"app": long_workload}
        made = policy(HELD_AT_HALF, targetRef={"name": long_workload}, service=long_service)
        return files(workload, front, made)

    rollout = Rollout(team, canary())
    commit = team.commit(version(1))
    team.declare()
    team.settled(commit)
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
    commit = team.commit(version(2))
    rollout.at("Step", "Hold")
    items = team.plane.request("GET", f"/api/v1/namespaces/{team.namespace}/services")["items"]
    names = sorted(item["metadata"]["name"] for item in items)
    assert len(names) == 2
    assert max(map(len, names)) == 63
    rollout.command(CommandKind.APPROVE)

    team.settled(commit)
    live = team.get("Deployment", long_workload, api="apps/v1") or {}
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == image(2)


def test_a_service_with_named_ports_and_several_routes_is_split_on_all_of_them(team: Tenant, gateway: Controller) -> None:
    ports = [
        {"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"},
        {"name": "admin", "port": 9000, "targetPort": 9000, "protocol": "TCP"},
    ]
    front = service(WEB)
    front["spec"]["ports"] = ports
    traffic = {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": name} for name in ("admin", WEB)]}
    made = policy(HELD_AT_HALF, traffic=traffic)
    routes = (route(WEB, WEB, "other"), route("admin", WEB, port=9000))

    def version(number: int) -> dict[str, str]:
        return files(deployment(WEB, image=image(number), replicas=2), front, made, *routes)

    rollout = Rollout(team, canary())
    commit = team.commit(version(1))
    team.declare()
    team.settled(commit)
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
    commit = team.commit(version(2))
    rollout.at("Step", "Hold")

    copied = (team.get("Service", "web-canary") or {})["spec"]["ports"]
    assert [(port["name"], port["port"], port["targetPort"]) for port in copied] == [
        ("http", 80, "http"),
        ("admin", 9000, 9000),
    ]
    first, second = (team.get("HTTPRoute", name, api=GATEWAY) or {} for name in (WEB, "admin"))
    assert weights(first) == weights(second) == {WEB: 50, "web-canary": 50}
    assert [backend["name"] for backend in first["spec"]["rules"][1]["backendRefs"]] == ["other"]
    assert {backend["port"] for backend in second["spec"]["rules"][0]["backendRefs"]} == {9000}
    rollout.command(CommandKind.APPROVE)

    team.settled(commit)
    for made in routes:
        live = team.get("HTTPRoute", made["metadata"]["name"], api=GATEWAY) or {}
        assert live["spec"]["rules"] == served(made)


def test_another_service_of_the_same_pods_is_reported(team: Tenant) -> None:
    other = service("metrics")
    other["spec"]["selector"] = {"app": WEB}
    rollout = Rollout(team, HELD_AT_HALF, other)
    rollout.begin()

    (note,) = rollout.until(lambda status: status.get("notes"), "the other Service is told")["notes"]
    assert "Service" in note
    assert "metrics" in note
