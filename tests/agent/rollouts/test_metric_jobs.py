"""Jobs as metrics: their owner, their rights, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gitops_agent.agent.rollouts.metric_jobs import JOB_TIMEOUT, JobScope, MetricJobs
from gitops_agent.api.application import API_VERSION
from gitops_agent.api.problems import read
from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import JOB
from gitops_agent.manifest.marks import marked
from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.pod_failures import POD, PodFailure
from tests.acceptance.installed_agent import install_crds
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

SHOP = AppKey("gitops-system", "shop")


def metric(**fields: object) -> Metric:
    return read(Metric, {"name": "smoke", "provider": {"job": {"name": "smoke"}}, **fields}, root="metric")


class Bench:
    """A policy in a namespace, and the templates beside it."""

    def __init__(self, objects: Objects, namespace: str) -> None:
        self.objects, self.namespace, self.jobs = objects, namespace, MetricJobs(objects)
        self.scope = JobScope(policy=AppKey(namespace, "web"), application=SHOP)
        spec = {"targetRef": {"kind": "Deployment", "name": "web"}, "strategy": {"rolling": {}}}
        self.apply({"apiVersion": API_VERSION, "kind": "RolloutPolicy", "metadata": {"name": "web"}, "spec": spec})

    def apply(self, obj: Object, *, owner: AppKey = SHOP) -> None:
        obj = {**obj, "metadata": {**obj["metadata"], "namespace": self.namespace}}
        self.objects.apply(marked(obj, application=owner, digest="", revision=""))

    def template(self, *, owner: AppKey = SHOP, suspend: bool = True, failure: str = "", **spec: object) -> None:
        pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example.com/smoke:1"}]}
        metadata = {"annotations": {POD: failure}} if failure else {}
        whole = {"suspend": suspend, "template": {"metadata": metadata, "spec": pod}, **spec}
        self.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "smoke"}, "spec": whole}, owner=owner)

    def start(self, scope: JobScope | None = None, *, timeout: str | None = None) -> tuple[str, timedelta]:
        name = self.jobs.name(self.scope.policy, metric(), version="0123abcd", at=datetime.now(UTC))
        measured = metric() if timeout is None else metric(timeout=timeout)
        return name, self.jobs.start(scope or self.scope, measured, name, version="0123abcd")

    def live(self, name: str) -> Object | None:
        listing = self.objects.transport.request("GET", f"/apis/batch/v1/namespaces/{self.namespace}/jobs")
        return next((job for job in listing["items"] if job["metadata"]["name"] == name and not gone(job)), None)


def gone(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


@pytest.fixture
def bench(control_plane: ControlPlane, namespace: str) -> Iterator[Bench]:
    install_crds(control_plane)
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Bench(Objects(transport, Discovery(transport)), namespace)
    transport.close()


def test_a_job_that_is_not_suspended_is_no_template(bench: Bench) -> None:
    bench.template(suspend=False)

    with pytest.raises(MeasurementFailed, match=r"it needs spec\.suspend: true"):
        bench.start()


def test_a_job_of_another_application_is_not_run(bench: Bench) -> None:
    bench.template(owner=AppKey("gitops-system", "bank"))

    with pytest.raises(MeasurementFailed, match="is not of the Application gitops-system/shop"):
        bench.start()


def test_a_job_is_made_with_the_rights_of_the_application(bench: Bench) -> None:
    bench.template()
    user = f"system:serviceaccount:{bench.namespace}:nobody"

    with pytest.raises(Forbidden, match="cannot create resource"):
        bench.start(JobScope(policy=bench.scope.policy, application=SHOP, user=user))


@pytest.mark.parametrize(
    ("spec", "timeout", "allowed", "ends"),
    [
        ({}, None, JOB_TIMEOUT, 660),
        ({}, "30s", timedelta(seconds=30), 90),
        ({"activeDeadlineSeconds": 20}, None, timedelta(seconds=80), 20),
    ],
)
def test_every_job_has_a_deadline(bench: Bench, spec: Object, timeout: str | None, allowed: timedelta, ends: int) -> None:
    bench.template(**spec)

    name, length = bench.start(timeout=timeout)

    live = bench.live(name)
    assert live is not None
    assert (length, live["spec"]["activeDeadlineSeconds"], live["spec"].get("suspend", False)) == (allowed, ends, False)


def test_a_job_that_takes_too_long_is_ended_and_its_pods_say_why(bench: Bench) -> None:
    bench.template(failure=PodFailure.NO_PULL.value)
    name, _ = bench.start()

    def waiting() -> bool:
        address = f"/api/v1/namespaces/{bench.namespace}/pods"
        pods = bench.objects.transport.request("GET", address)["items"]
        states = [status.get("state", {}) for pod in pods for status in pod.get("status", {}).get("containerStatuses", ())]
        return any("waiting" in state and "Pull" in state["waiting"].get("reason", "") for state in states)

    eventually(waiting, what="the image cannot be pulled")

    message = bench.jobs.expire(bench.scope, name, timedelta(seconds=30))

    assert message.startswith(f"the Job {name} did not end within 30s: ")
    assert "registry.example.com/smoke:1" in message
    eventually(lambda: bench.live(name) is None)


def test_jobs_that_nothing_waits_for_are_ended_and_no_others(bench: Bench) -> None:
    bench.template(failure=PodFailure.HANG.value)
    (needed, _), (left, _) = bench.start(), bench.start()
    other = JOB.named(bench.namespace, "smoke")

    bench.jobs.sweep(bench.scope, lambda: {needed})

    eventually(lambda: bench.live(left) is None)
    assert bench.live(needed) is not None
    assert bench.objects.get(other)["spec"]["suspend"] is True
