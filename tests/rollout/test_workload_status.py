from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.workload_status import pods, stuck

SET: Object = {
    "kind": "StatefulSet",
    "metadata": {"uid": "set", "generation": 3},
    "status": {"observedGeneration": 3, "updateRevision": "good"},
}


def pod(revision: str = "bad", *, ready: bool = False, owner: str = "set", going: bool = False) -> Object:
    metadata: Object = {
        "labels": {"controller-revision-hash": revision},
        "ownerReferences": [{"uid": owner, "controller": True}],
    }
    if going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def test_a_pod_of_a_version_that_was_given_up_and_is_not_ready_is_stuck() -> None:
    assert stuck(SET, [pod()]) == (pod(),)


@pytest.mark.parametrize("other", [pod("good"), pod(ready=True), pod(owner="other"), pod(going=True)])
def test_all_other_pods_are_left_alone(other: Object) -> None:
    assert stuck(SET, [other]) == ()


@pytest.mark.parametrize("status", [{"observedGeneration": 2, "updateRevision": "good"}, {"observedGeneration": 3}])
def test_nothing_is_said_before_the_controller_has_looked(status: Object) -> None:
    assert stuck({**SET, "status": status}, [pod()]) == ()


@pytest.mark.parametrize(
    ("partition", "updated", "complete"), [(0, 3, True), (0, 2, False), (2, 1, True), (2, 0, False), (9, 0, True)]
)
def test_a_partition_keeps_pods_back_by_intent(partition: int, updated: int, complete: bool) -> None:  # noqa: FBT001 - a table
    found = pods(
        {
            "kind": "StatefulSet",
            "metadata": {"generation": 1},
            "spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": partition}}},
            "status": {
                "observedGeneration": 1,
                "replicas": 3,
                "availableReplicas": 3,
                "updatedReplicas": updated,
                "currentRevision": "old",
                "updateRevision": "new",
            },
        }
    )

    assert found.complete is complete


def deployment(kind: str, status: str, reason: str, *, seen: int = 2) -> Object:
    condition = {"type": kind, "status": status, "reason": reason, "message": "m" * 900}
    return {
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": seen, "conditions": [condition]},
    }


def test_pods_that_cannot_be_made_at_present_are_no_failure_yet() -> None:
    found = pods(deployment("ReplicaFailure", "True", "FailedCreate"))

    assert (found.failed, found.hindered[:13]) == ("", "FailedCreate:")
    assert len(found.hindered) == 500


def test_a_deadline_that_passed_is_a_failure() -> None:
    assert pods(deployment("Progressing", "False", "ProgressDeadlineExceeded")).failed
    assert not pods(deployment("Progressing", "False", "ProgressDeadlineExceeded", seen=1)).failed
    assert not pods(deployment("Progressing", "True", "NewReplicaSetAvailable")).failed


def test_pods_that_are_all_of_the_last_change_are_replaced_though_none_is_available() -> None:
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
    found = pods({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status})

    assert (found.replaced, found.complete) == (True, False)


def test_ready_pods_that_are_too_young_say_so() -> None:
    spec: Object = {"replicas": 2, "minReadySeconds": 600}
    status = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 0}
    workload = {
        "kind": "Deployment",
        "metadata": {"generation": 1},
        "spec": spec,
        "status": {**status, "observedGeneration": 1},
    }

    assert pods(workload).cause == "2 pods are ready, but not yet for minReadySeconds (600 s)"
    assert pods({**workload, "status": {**status, "observedGeneration": 1, "availableReplicas": 2}}).cause == ""
