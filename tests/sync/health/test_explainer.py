from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sync.health import Status, assess
from gitops_agent.sync.health.explainer import Explainer, Explanation
from tests.cluster.wire import Asked, Line, Wire
from tests.waiting import eventually

BEHAVIOUR = "sandbox.gitops-agent.dev/pod"


@pytest.fixture(scope="session")
def objects(control_plane: ControlPlane) -> Iterator[Objects]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Objects(transport, Discovery(transport))
    transport.close()


def template(behaviour: str = "", *, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    marks = dict(annotations or {}) | ({BEHAVIOUR: behaviour} if behaviour else {})
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": marks},
        "spec": {"containers": [{"name": "app", "image": "registry.example.org/web:1"}], **spec},
    }


def workload(namespace: str, pods: Object, kind: str = "Deployment", replicas: int = 2, **spec: Any) -> Object:
    scaled = {} if kind == "DaemonSet" else {"replicas": replicas}
    body = {"selector": {"matchLabels": {"app": "web"}}, "template": pods, **scaled, **spec}
    if kind == "StatefulSet":
        body["serviceName"] = "web"
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": namespace}, "spec": body}


def explained(
    objects: Objects, obj: Object, until: Callable[[Explanation], bool] = lambda _: True, seconds: float = 30.0
) -> Explanation:
    """Applies an object and waits for the expected explanation."""
    objects.apply(obj)
    explainer = Explainer(objects)

    def ask() -> Explanation | None:
        candidate = explainer.explain(ObjectKey.of(obj))
        return candidate if candidate is not None and until(candidate) else None

    explanation = eventually(ask, seconds=seconds, what="an explanation")
    assert explanation is not None
    return explanation


@pytest.mark.cluster
def test_a_crash_loop_is_certain_and_reports_the_exit_code(objects: Objects, namespace: str) -> None:
    marks = {"sandbox.gitops-agent.dev/exit-code": "3", "sandbox.gitops-agent.dev/last-words": "no DATABASE_URL"}

    explanation = explained(
        objects, workload(namespace, template("crash", annotations=marks)), lambda candidate: candidate.certain
    )

    assert explanation.reason == "CrashLoop"
    assert "exit code 3" in explanation.message
    assert "no DATABASE_URL" in explanation.message


@pytest.mark.cluster
def test_a_crash_looping_stateful_set_is_explained_though_its_status_says_nothing(objects: Objects, namespace: str) -> None:
    crashing = workload(namespace, template("crash"), kind="StatefulSet")

    explanation = explained(objects, crashing, lambda candidate: candidate.certain)

    assert explanation.reason == "CrashLoop"
    assert assess(objects.get(ObjectKey.of(crashing))).status is Status.PROGRESSING


@pytest.mark.cluster
def test_the_first_crash_only_decorates(objects: Objects, namespace: str) -> None:
    assert not explained(objects, workload(namespace, template("crash"))).certain


@pytest.mark.cluster
def test_an_image_that_cannot_be_pulled_is_named(objects: Objects, namespace: str) -> None:
    explanation = explained(objects, workload(namespace, template("no-pull")), lambda candidate: candidate.certain)

    assert explanation.reason == "ImagePullFailed"
    assert "registry.example.org/web:1" in explanation.message
    assert "2 of 2 pods" in explanation.message or "pods" not in explanation.message


@pytest.mark.cluster
def test_an_unmatched_node_selector_is_the_schedulers_word(objects: Objects, namespace: str) -> None:
    nowhere = template(nodeSelector={"disk": "quantum"})

    explanation = explained(objects, workload(namespace, nowhere), lambda candidate: "didn't match" in candidate.message)

    assert (explanation.reason, explanation.certain) == ("Unschedulable", False)


@pytest.mark.cluster
def test_a_failing_probe_is_reported_with_its_event(objects: Objects, namespace: str) -> None:
    explanation = explained(objects, workload(namespace, template("probe-fails")), lambda candidate: "503" in candidate.message)

    assert (explanation.reason, explanation.certain) == ("ProbeFailed", False)


@pytest.mark.cluster
def test_a_pod_that_hangs_is_being_created(objects: Objects, namespace: str) -> None:
    explanation = explained(objects, workload(namespace, template("hang"), kind="DaemonSet"))

    assert (explanation.reason, explanation.certain) == ("MountFailed", False)


@pytest.mark.cluster
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_quota_is_named_where_no_pod_is_created(objects: Objects, namespace: str, kind: str) -> None:
    metadata = {"name": "none", "namespace": namespace}
    objects.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "0"}}})
    eventually(lambda: objects.get(ObjectKey("", "ResourceQuota", namespace, "none")).get("status", {}).get("hard"))

    explanation = explained(objects, workload(namespace, template(), kind=kind))

    assert explanation.reason == "QuotaExceeded"
    assert "exceeded quota: none" in explanation.message


@pytest.mark.cluster
def test_the_newest_revision_speaks(objects: Objects, namespace: str) -> None:
    objects.apply(workload(namespace, template("probe-fails")))
    eventually(lambda: Explainer(objects).explain(ObjectKey("apps", "Deployment", namespace, "web")))

    explanation = explained(
        objects, workload(namespace, template("no-pull")), lambda candidate: candidate.reason != "ProbeFailed"
    )

    assert explanation.reason == "ImagePullFailed"


@pytest.mark.cluster
def test_a_healthy_workload_has_nothing_to_explain(objects: Objects, namespace: str) -> None:
    sound = workload(namespace, template())
    objects.apply(sound)
    eventually(lambda: assess(objects.get(ObjectKey.of(sound))).status is Status.HEALTHY)

    assert Explainer(objects).explain(ObjectKey.of(sound)) is None


@pytest.mark.cluster
def test_a_pod_alone_is_explained_too(objects: Objects, namespace: str) -> None:
    pods = template("no-pull")
    metadata = {"name": "web", "namespace": namespace} | pods["metadata"]

    explanation = explained(objects, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pods["spec"]})

    assert explanation.reason == "ImagePullFailed"


@pytest.mark.cluster
def test_a_job_decides_itself_when_it_has_failed(objects: Objects, namespace: str) -> None:
    pods = template("crash", restartPolicy="OnFailure")
    pods["metadata"].pop("labels")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"template": pods, "backoffLimit": 6},
    }

    explanation = explained(objects, job, lambda candidate: "restarts" in candidate.message, seconds=40)

    assert (explanation.reason, explanation.certain) == ("CrashLoop", False)


@pytest.mark.cluster
def test_an_object_that_is_gone_is_said_to_be(objects: Objects, namespace: str) -> None:
    with pytest.raises(NotFound):
        Explainer(objects).explain(ObjectKey("apps", "Deployment", namespace, "nothing"))


@pytest.mark.cluster
def test_other_kinds_explain_themselves(objects: Objects, namespace: str) -> None:
    assert Explainer(objects).explain(ObjectKey("", "ConfigMap", namespace, "settings")) is None


# What no sandbox has: kubelets with logs.

CRASHED = {
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
    "status": {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "app",
                "ready": False,
                "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1}},
            }
        ],
    },
}


def kubelet(asked: Asked, line: Line, log: str | None) -> None:
    """An API server with one pod and its log."""
    if asked.path.endswith("/log"):
        if log is None:
            line.refuse(403, "Forbidden")
        else:
            line.text(log)
    elif asked.path in {"/api", "/apis"}:
        resources = [
            {
                "resource": "pods",
                "responseKind": {"group": "", "version": "v1", "kind": "Pod"},
                "scope": "Namespaced",
                "singularResource": "pod",
                "verbs": ["get", "list"],
            }
        ]
        version = {"version": "v1", "resources": resources, "freshness": "Current"}
        groups = [{"metadata": {"name": ""}, "versions": [version]}] if asked.path == "/api" else []
        body = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": groups}
        line.text(json.dumps(body), content_type="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    else:
        line.json(CRASHED)


def asked_on_the_wire(folder: Path, log: str | None) -> tuple[Explanation, Wire]:
    with Wire(lambda asked, line: kubelet(asked, line, log)) as wire:
        transport = wire.transport(folder)
        try:
            explanation = Explainer(Objects(transport, Discovery(transport))).explain(ObjectKey("", "Pod", "shop", "web"))
        finally:
            transport.close()
    assert explanation is not None
    return explanation, wire


def test_the_last_line_of_the_log_is_reported_scrubbed_and_cut(tmp_path: Path) -> None:
    explanation, wire = asked_on_the_wire(tmp_path, "cannot open postgres://shop:hunter22@db/shop " + "x" * 500)

    assert "cannot open postgres://***@db/shop" in explanation.message
    assert "hunter22" not in explanation.message
    assert len(explanation.message) < 300
    log = next(asked for asked in wire.asked if asked.path.endswith("/log"))
    assert log.query == {"container": "app", "tailLines": "1", "limitBytes": "4096", "previous": "true"}


def test_a_log_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    explanation, _ = asked_on_the_wire(tmp_path, None)

    assert explanation.message == "container app ended with exit code 1 (4 restarts)"
    assert explanation.certain
