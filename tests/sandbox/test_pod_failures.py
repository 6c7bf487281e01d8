from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.pod_failures import EXIT_CODE, LAST_WORDS, POD, STAGES, PodFailure
from tests.waiting import eventually

cluster = pytest.mark.cluster


def _pod(name: str, annotations: dict[str, str], **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "side", "image": "side:1"}], **spec},
    }


def _create(plane: ControlPlane, namespace: str, pod: Object) -> Callable[[], Object]:
    path = f"/api/v1/namespaces/{namespace}/pods"
    plane.request("POST", path, pod)

    def status() -> Object:
        pod_status: Object = plane.request("GET", f"{path}/{pod['metadata']['name']}")["status"]
        return pod_status

    return status


def _waiting_reason(status: Object) -> str:
    parts = status.get("containerStatuses") or [{}]
    return str(parts[0].get("state", {}).get("waiting", {}).get("reason", ""))


def _condition(status: Object, name: str) -> str:
    return next((part["status"] for part in status.get("conditions") or [] if part["type"] == name), "")


def test_the_vocabulary_and_the_stages_know_the_same_failures() -> None:
    stages = list(yaml.safe_load_all(STAGES.read_text()))
    expressions = [e for stage in stages for e in stage["spec"]["selector"]["matchExpressions"] if POD in e["key"]]
    assert {value for e in expressions if e["operator"] == "In" for value in e["values"]} == set(PodFailure)
    assert all(set(e["values"]) == set(PodFailure) for e in expressions if e["operator"] == "NotIn")


@cluster
def test_a_pod_becomes_ready_with_an_address(control_plane: ControlPlane, namespace: str) -> None:
    status = _create(control_plane, namespace, _pod("fine", {}))
    eventually(lambda: _condition(status(), "Ready") == "True")
    pod_status = status()
    assert pod_status["phase"] == "Running"
    assert pod_status["podIP"].startswith("10.88.")
    assert all(part["ready"] and "running" in part["state"] for part in pod_status["containerStatuses"])


@cluster
def test_a_crashing_pod_backs_off_with_its_exit_code_and_rising_restarts(control_plane: ControlPlane, namespace: str) -> None:
    annotations = {POD: PodFailure.CRASH, EXIT_CODE: "137", LAST_WORDS: "panic: no database"}
    status = _create(control_plane, namespace, _pod("crash", annotations))
    eventually(lambda: _waiting_reason(status()) == "CrashLoopBackOff")
    container = status()["containerStatuses"][0]
    assert container["lastState"]["terminated"]["exitCode"] == 137
    assert container["lastState"]["terminated"]["message"] == "panic: no database"
    assert container["restartCount"] >= 1
    assert _condition(status(), "Ready") == "False"
    eventually(lambda: status()["containerStatuses"][0]["restartCount"] > container["restartCount"])


@cluster
def test_a_crashing_pod_that_is_not_restarted_has_failed(control_plane: ControlPlane, namespace: str) -> None:
    status = _create(control_plane, namespace, _pod("once", {POD: PodFailure.CRASH}, restartPolicy="Never"))
    eventually(lambda: status()["phase"] == "Failed")
    assert status()["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1


@cluster
def test_a_hanging_pod_stays_in_container_creating(control_plane: ControlPlane, namespace: str) -> None:
    status = _create(control_plane, namespace, _pod("hang", {POD: PodFailure.HANG}))
    eventually(lambda: _waiting_reason(status()) == "ContainerCreating")
    assert status()["phase"] == "Pending"


@cluster
def test_an_image_that_cannot_be_pulled_backs_off(control_plane: ControlPlane, namespace: str) -> None:
    status = _create(control_plane, namespace, _pod("pull", {POD: PodFailure.NO_PULL}))
    eventually(lambda: _waiting_reason(status()) == "ImagePullBackOff")
    assert status()["phase"] == "Pending"
    assert 'Back-off pulling image "web:1"' in status()["containerStatuses"][0]["state"]["waiting"]["message"]


@cluster
def test_a_pod_whose_probe_fails_runs_and_is_not_ready(control_plane: ControlPlane, namespace: str) -> None:
    status = _create(control_plane, namespace, _pod("probe", {POD: PodFailure.PROBE_FAILS}))
    eventually(lambda: status()["phase"] == "Running")
    ready = next(part for part in status()["conditions"] if part["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [web side]"
    assert all(not part["ready"] and "running" in part["state"] for part in status()["containerStatuses"])


@cluster
@pytest.mark.parametrize("failure", list(PodFailure))
def test_taking_the_annotation_off_heals_a_pod(control_plane: ControlPlane, namespace: str, failure: PodFailure) -> None:
    status = _create(control_plane, namespace, _pod("sick", {POD: failure}))
    eventually(lambda: status().get("containerStatuses"))
    patch = {"metadata": {"annotations": {POD: None}}}
    path = f"/api/v1/namespaces/{namespace}/pods/sick"
    control_plane.request("PATCH", path, patch, content_type="application/merge-patch+json")
    eventually(lambda: _condition(status(), "Ready") == "True")
    ready = next(part for part in status()["conditions"] if part["type"] == "Ready")
    assert not ready.get("reason")
    assert not ready.get("message")
    assert status()["phase"] == "Running"


@cluster
def test_a_job_completes(control_plane: ControlPlane, namespace: str) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": "work:1"}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": {"template": template}}
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    control_plane.request("POST", path, job)
    eventually(lambda: control_plane.request("GET", f"{path}/job")["status"].get("succeeded") == 1)


@cluster
def test_a_deployment_becomes_available_and_goes_with_its_pods(control_plane: ControlPlane, namespace: str) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 4, "selector": {"matchLabels": labels}, "template": template},
    }
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    control_plane.request("POST", path, body)
    eventually(lambda: control_plane.request("GET", f"{path}/web")["status"].get("availableReplicas") == 4)
    control_plane.request("DELETE", f"{path}/web")
    eventually(lambda: control_plane.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"] == [])


@cluster
def test_a_deleted_pod_serves_until_its_longest_pre_stop_sleep_is_over(control_plane: ControlPlane, namespace: str) -> None:
    pod = _pod("polite", {})
    pod["spec"]["containers"][1]["lifecycle"] = {"preStop": {"sleep": {"seconds": 2}}}
    status = _create(control_plane, namespace, pod)
    eventually(lambda: _condition(status(), "Ready") == "True")

    path = f"/api/v1/namespaces/{namespace}/pods/polite"
    started = time.monotonic()
    control_plane.request("DELETE", path)
    assert _condition(status(), "Ready") == "True"
    eventually(lambda: _gone(control_plane, path))

    assert time.monotonic() - started >= 2


@cluster
def test_a_grace_period_shorter_than_the_pre_stop_sleep_ends_it(control_plane: ControlPlane, namespace: str) -> None:
    pod = _pod("endless", {})
    pod["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 30}}}
    status = _create(control_plane, namespace, pod)
    eventually(lambda: _condition(status(), "Ready") == "True")

    path = f"/api/v1/namespaces/{namespace}/pods/endless"
    control_plane.request("DELETE", f"{path}?gracePeriodSeconds=1")
    eventually(lambda: _gone(control_plane, path))


def _gone(plane: ControlPlane, path: str) -> bool:
    try:
        plane.request("GET", path)
    except NotFound:
        return True
    return False
