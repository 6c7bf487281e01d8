from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.sync.health import assess
from tests.sync.health.live import condition, conditions, live, verdict


def deployment(wanted: int = 3, *entries: Object, paused: bool = False, **status: int) -> Object:
    counts = {"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted} | status
    return live("apps/v1", "Deployment", spec={"replicas": wanted, "paused": paused}, status=conditions(*entries, **counts))


DEADLINE = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", 'pods "x" is forbidden: exceeded quota: small')


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(), ("Healthy", "")),
        (deployment(observedGeneration=0), ("Progressing", "NotObserved")),
        (live("apps/v1", "Deployment", spec={}), ("Progressing", "NotObserved")),
        (deployment(updatedReplicas=1), ("Progressing", "RollingOut")),
        (deployment(replicas=4), ("Progressing", "RollingOut")),
        (deployment(availableReplicas=2), ("Progressing", "PodsUnavailable")),
        (deployment(0), ("Healthy", "ScaledToZero")),
        (deployment(paused=True), ("Suspended", "Paused")),
        (deployment(3, DEADLINE, availableReplicas=0), ("Degraded", "ProgressDeadlineExceeded")),
        (deployment(3, QUOTA, availableReplicas=0), ("Degraded", "QuotaExceeded")),
        (deployment(3, condition("ReplicaFailure", "True", "FailedCreate", "denied by policy")), ("Degraded", "FailedCreate")),
    ],
)
def test_a_deployment(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


def test_a_missed_deadline_names_the_quota_behind_it() -> None:
    assert "exceeded quota" in assess(deployment(3, DEADLINE, QUOTA)).message


def test_the_default_of_replicas_is_one() -> None:
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 0}

    assert "0 of 1" in assess(live("apps/v1", "Deployment", spec={}, status=status)).message


@pytest.mark.parametrize(
    ("total", "words"), [(4, "1 pod of an older revision remains"), (5, "2 pods of older revisions remain")]
)
def test_pods_of_older_revisions_are_counted_in_words(total: int, words: str) -> None:
    assert assess(deployment(replicas=total)).message == words


@pytest.mark.parametrize(("updated", "words"), [(2, "1 pod keeps"), (1, "2 pods keep")])
def test_pods_that_keep_the_old_revision_are_counted_in_words(updated: int, words: str) -> None:
    sets = stateful(updateRevision="b", updatedReplicas=updated, strategy={"type": "OnDelete"})
    daemon = daemons("OnDelete", updatedNumberScheduled=updated)

    assert [assess(obj).message.split(" the ")[0] for obj in (sets, daemon)] == [words, words]


@pytest.mark.parametrize("kind", ["apps/v1 ReplicaSet", "v1 ReplicationController"])
def test_a_replica_set(kind: str) -> None:
    version, name = kind.split()
    ready = {"observedGeneration": 1, "availableReplicas": 2}

    assert verdict(live(version, name, spec={"replicas": 2}, status=ready)) == ("Healthy", "")
    assert verdict(live(version, name, spec={"replicas": 3}, status=ready)) == ("Progressing", "PodsUnavailable")
    assert verdict(live(version, name, spec={"replicas": 3}, status=conditions(QUOTA))) == ("Degraded", "QuotaExceeded")
    assert verdict(live(version, name, spec={"replicas": 0}, status={"observedGeneration": 1})) == ("Healthy", "ScaledToZero")


def stateful(wanted: int = 3, strategy: Any = None, **status: Any) -> Object:
    counts = {"observedGeneration": 1, "replicas": wanted, "readyReplicas": wanted, "updatedReplicas": wanted}
    revisions = {"currentRevision": "a", "updateRevision": "a"}
    spec = {"replicas": wanted, "updateStrategy": strategy or {"type": "RollingUpdate"}}
    return live("apps/v1", "StatefulSet", spec=spec, status=counts | revisions | status)


def partition(number: int) -> Object:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (stateful(), ("Healthy", "")),
        (stateful(observedGeneration=0), ("Progressing", "NotObserved")),
        (stateful(readyReplicas=1), ("Progressing", "PodsNotReady")),
        (stateful(availableReplicas=2), ("Progressing", "PodsUnavailable")),
        (stateful(replicas=4), ("Progressing", "ScalingDown")),
        (stateful(updateRevision="b", updatedReplicas=1), ("Progressing", "RollingOut")),
        (stateful(updateRevision="b", updatedReplicas=1, strategy={"type": "OnDelete"}), ("Healthy", "OnDelete")),
        (stateful(strategy={"type": "OnDelete"}, readyReplicas=2), ("Progressing", "PodsNotReady")),
        (stateful(updateRevision="b", updatedReplicas=0, strategy=partition(2)), ("Progressing", "RollingOut")),
        (stateful(updateRevision="b", updatedReplicas=1, strategy=partition(2)), ("Healthy", "Partitioned")),
        (stateful(updateRevision="b", updatedReplicas=0, strategy=partition(9)), ("Healthy", "Partitioned")),
        (stateful(strategy=partition(2)), ("Healthy", "")),
        (stateful(0, updateRevision="b"), ("Healthy", "ScaledToZero")),
    ],
)
def test_a_stateful_set(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


def daemons(strategy: str = "RollingUpdate", **status: int) -> Object:
    counts = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}
    return live("apps/v1", "DaemonSet", spec={"updateStrategy": {"type": strategy}}, status=counts | status)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (daemons(), ("Healthy", "")),
        (daemons(observedGeneration=0), ("Progressing", "NotObserved")),
        (daemons(updatedNumberScheduled=1), ("Progressing", "RollingOut")),
        (daemons(numberAvailable=1), ("Progressing", "PodsUnavailable")),
        (daemons("OnDelete", updatedNumberScheduled=1), ("Healthy", "OnDelete")),
        (daemons("OnDelete", updatedNumberScheduled=1, numberAvailable=0), ("Progressing", "PodsUnavailable")),
        (daemons(desiredNumberScheduled=0, updatedNumberScheduled=0, numberAvailable=0), ("Healthy", "NoNodes")),
    ],
)
def test_a_daemon_set(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


def pod(phase: str = "Running", *containers: Object, restart: str = "Always", **status: Any) -> Object:
    body = {"phase": phase, "containerStatuses": list(containers)} | status
    return live("v1", "Pod", spec={"restartPolicy": restart}, status=body)


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return {"name": "app", "ready": False, "state": {"waiting": {"reason": reason, "message": message}}, **more}


ENDED: Object = {"lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}, "restartCount": 2}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (pod("Succeeded"), ("Healthy", "Completed")),
        (pod("Failed", reason="Evicted", message="low on memory"), ("Degraded", "Evicted")),
        (pod("Running", conditions=[condition("Ready", "True")]), ("Healthy", "")),
        (pod("Running", restart="Never", conditions=[condition("Ready", "True")]), ("Healthy", "")),
        (pod("Pending", waiting("ContainerCreating")), ("Progressing", "Pending")),
        (pod("Pending", waiting("ImagePullBackOff", "no such image")), ("Degraded", "ImagePullBackOff")),
        (pod("Pending", waiting("InvalidImageName")), ("Degraded", "InvalidImageName")),
        (pod("Pending", waiting("CreateContainerConfigError", "no secret")), ("Degraded", "CreateContainerConfigError")),
        (pod("Running", waiting("CrashLoopBackOff", **ENDED)), ("Degraded", "CrashLoopBackOff")),
        (pod("Running", {"name": "app", "ready": False, "state": {"running": {}}, **ENDED}), ("Degraded", "CrashLoop")),
        (pod("Pending", initContainerStatuses=[waiting("CrashLoopBackOff", **ENDED)]), ("Degraded", "CrashLoopBackOff")),
        (
            pod("Pending", conditions=[condition("PodScheduled", "False", "Unschedulable", "0/3")]),
            ("Progressing", "Unschedulable"),
        ),
        (pod(""), ("Progressing", "Pending")),
    ],
)
def test_a_pod(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


def test_a_failed_pod_reports_how_its_container_ended() -> None:
    killed = {"name": "app", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}

    assert assess(pod("Failed", killed)).message == "ended with exit code 137: OOMKilled"


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {"active": 1}, ("Progressing", "Running")),
        ({}, conditions(condition("Complete", "True")), ("Healthy", "Completed")),
        ({}, conditions(condition("Failed", "True", "BackoffLimitExceeded")), ("Degraded", "BackoffLimitExceeded")),
        ({}, conditions(condition("FailureTarget", "True", "PodFailurePolicy")), ("Degraded", "PodFailurePolicy")),
        ({"suspend": True}, {}, ("Suspended", "Suspended")),
        ({"suspend": True}, conditions(condition("Complete", "True")), ("Healthy", "Completed")),
    ],
)
def test_a_job(spec: Object, status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("batch/v1", "Job", spec=spec, status=status)) == expected


EARLIER, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, ("Healthy", "")),
        ({"suspend": True}, {}, ("Suspended", "Suspended")),
        ({}, {"lastScheduleTime": LATER, "active": [{"name": "x-1"}]}, ("Healthy", "")),
        ({}, {"lastScheduleTime": LATER, "lastSuccessfulTime": EARLIER}, ("Degraded", "LastRunFailed")),
        ({}, {"lastScheduleTime": EARLIER, "lastSuccessfulTime": LATER}, ("Healthy", "")),
        ({}, {"lastScheduleTime": LATER}, ("Degraded", "LastRunFailed")),
    ],
)
def test_a_cron_job(spec: Object, status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("batch/v1", "CronJob", spec=spec, status=status)) == expected
