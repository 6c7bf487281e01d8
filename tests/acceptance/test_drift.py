"""Changes by users and controllers to objects, and their handling."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.objects import config_map, deployment, files, secret
from tests.acceptance.tenant import Tenant
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def _data(team: Tenant, name: str = "good") -> Object:
    data: Object = (team.config(name) or {}).get("data") or {}
    return data


def test_an_edit_by_hand_is_reported_with_its_author_and_repaired(team: Tenant) -> None:
    commit = team.commit(files(config_map("good")))
    team.declare()
    team.settled(commit)

    team.edit("ConfigMap", "good", {"data": {"key": "by hand"}})

    team.until(lambda: _data(team) == {"key": "value"}, "it is repaired")
    events = team.until(lambda: _events(team, "DriftDetected"), "an Event tells of it")
    assert "kubectl-edit" in events[0]["note"]
    assert "by hand" not in events[0]["note"], "what a ConfigMap holds is quoted nowhere"


def test_what_was_deleted_comes_back(team: Tenant) -> None:
    commit = team.commit(files(config_map("good"), secret("token", key="value")))
    team.declare()
    team.settled(commit)

    team.delete("ConfigMap", "good")
    team.delete("Secret", "token")

    team.until(lambda: team.config("good") and team.get("Secret", "token"), "both are back")


def test_a_removed_mark_is_put_back_on_the_same_object(team: Tenant) -> None:
    commit = team.commit(files(config_map("good")))
    team.declare()
    team.settled(commit)
    marked = team.config("good") or {}

    team.edit("ConfigMap", "good", {"metadata": {"labels": None}})

    back = team.until(lambda: _with_label(team), "the label is back")
    assert back["metadata"]["uid"] == marked["metadata"]["uid"]


def test_what_a_person_adds_is_removed_and_what_a_controller_adds_stays(team: Tenant) -> None:
    commit = team.commit(files(deployment("web")))
    team.declare()
    team.settled(commit)

    team.edit("Deployment", "web", {"metadata": {"annotations": {"seen-by": "operator"}}}, manager="operator", api="apps/v1")
    patch = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7, "hostNetwork": True}}}}
    team.edit("Deployment", "web", patch, manager="kubectl-edit", api="apps/v1")

    def removed() -> bool:
        spec = (team.get("Deployment", "web", api="apps/v1") or {})["spec"]["template"]["spec"]
        return "hostNetwork" not in spec and spec["terminationGracePeriodSeconds"] == 30

    team.until(removed, "the additions of a person are removed")
    assert (team.get("Deployment", "web", api="apps/v1") or {})["metadata"]["annotations"]["seen-by"] == "operator"


def test_without_self_healing_drift_is_reported_and_left_alone(team: Tenant) -> None:
    commit = team.commit(files(config_map("good")))
    team.declare(sync={"selfHeal": False})
    team.settled(commit)

    team.edit("ConfigMap", "good", {"data": {"key": "by hand"}})

    team.until(lambda: team.application()["status"]["resources"]["drifted"] == 1, "the drift is told")
    team.looked()
    assert _data(team) == {"key": "by hand"}
    assert team.application()["status"]["sync"]["status"] == "OutOfSync"


def test_a_fight_is_stopped_and_the_other_side_is_named(team: Tenant) -> None:
    commit = team.commit(files(config_map("good"), config_map("calm")))
    team.declare()
    team.settled(commit)

    def rival() -> bool:
        if _data(team) == {"key": "value"}:
            team.edit("ConfigMap", "good", {"data": {"key": "rival"}}, manager="rival-controller")
        return "ight" in str(team.condition())

    team.until(rival, "the fight is told")
    message = team.until(lambda: _problem(team, "Fighting"), "the status names the reason")
    assert "rival-controller" in message
    assert _data(team) == {"key": "rival"}
    team.edit("ConfigMap", "calm", {"data": {"key": "by hand"}})
    team.until(lambda: _data(team, "calm") == {"key": "value"}, "another object is still repaired")


def test_fields_that_are_ignored_are_managed_by_others(team: Tenant) -> None:
    commit = team.commit(files(deployment("web", replicas=2)))
    ignored = [{"kind": "Deployment", "name": "*", "paths": ["/spec/replicas"]}]
    team.declare(sync={"ignoreFields": ignored})
    team.settled(commit)

    team.edit("Deployment", "web", {"spec": {"replicas": 4}}, manager="kubectl-scale", api="apps/v1")
    team.looked()

    assert (team.get("Deployment", "web", api="apps/v1") or {})["spec"]["replicas"] == 4
    team.settled(commit)


def test_replicas_belong_to_an_autoscaler(team: Tenant) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler: Object = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"minReplicas": 3, "maxReplicas": 5, "scaleTargetRef": target, "metrics": []},
    }
    team.commit(files(deployment("web", replicas=1), scaler))
    team.declare()
    team.until(lambda: _replicas(team) == 3, "the autoscaler decides")

    team.looked()

    assert _replicas(team) == 3


def _replicas(team: Tenant) -> int:
    return int(((team.get("Deployment", "web", api="apps/v1") or {}).get("spec") or {}).get("replicas") or 0)


def _with_label(team: Tenant) -> Object:
    good = team.config("good") or {}
    return good if (good["metadata"].get("labels") or {}) else {}


def _problem(team: Tenant, reason: str) -> str:
    problems = team.application()["status"]["resources"]["problems"]
    return next((str(problem["message"]) for problem in problems if problem["reason"] == reason), "")


def _events(team: Tenant, reason: str) -> list[Object]:
    items = team.plane.request("GET", f"/apis/events.k8s.io/v1/namespaces/{team.installed.namespace}/events")["items"]
    name = team.name("app")
    return [item for item in items if item.get("reason") == reason and item.get("regarding", {}).get("name") == name]


def test_a_drift_that_came_while_no_agent_ran_is_repaired_at_the_start(own: Tenant) -> None:
    single = {"leader__enabled": "false"}
    own.agent = own.installed.start(settings=single)
    commit = own.commit(files(config_map("good"), config_map("gone")))
    own.declare()
    own.settled(commit)
    own.agent.kill()
    own.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    own.delete("ConfigMap", "gone")

    own.agent = own.installed.start("again", settings=single)

    own.until(lambda: _data(own) == {"key": "value"} and own.config("gone"), "both are repaired")
    eventually(lambda: own.condition().get("status") == "True")
