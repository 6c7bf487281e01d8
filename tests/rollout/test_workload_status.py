from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.workload_status import max_unavailable, pods, stuck

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
    workload_status = pods(
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

    assert workload_status.complete is complete


def deployment(kind: str, status: str, reason: str, *, seen: int = 2) -> Object:
    condition = {"type": kind, "status": status, "reason": reason, "message": "m" * 900}
    return {
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": seen, "conditions": [condition]},
    }


def test_pods_that_cannot_be_made_at_present_are_no_failure_yet() -> None:
    workload_status = pods(deployment("ReplicaFailure", "True", "FailedCreate"))

    assert (workload_status.failed, workload_status.hindered[:13]) == ("", "FailedCreate:")
    assert len(workload_status.hindered) == 500


def test_a_deadline_that_passed_is_a_failure() -> None:
    assert pods(deployment("Progressing", "False", "ProgressDeadlineExceeded")).failed
    assert not pods(deployment("Progressing", "False", "ProgressDeadlineExceeded", seen=1)).failed
    assert not pods(deployment("Progressing", "True", "NewReplicaSetAvailable")).failed


def test_pods_that_are_all_of_the_last_change_are_replaced_though_none_is_available() -> None:
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
    workload_status = pods({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status})

    assert (workload_status.replaced, workload_status.complete) == (True, False)


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


@pytest.mark.parametrize(
    ("strategy", "replicas", "expected"),
    [
        ({}, 8, 2),
        ({"rollingUpdate": {"maxUnavailable": "25%"}}, 7, 1),
        ({"rollingUpdate": {"maxUnavailable": "200%"}}, 4, 4),
        ({"rollingUpdate": {"maxUnavailable": 3}}, 4, 3),
        ({"rollingUpdate": {"maxUnavailable": 9}}, 4, 4),
        ({"rollingUpdate": {"maxUnavailable": -1}}, 4, 0),
        ({"rollingUpdate": {"maxUnavailable": True}}, 4, 0),
        ({"rollingUpdate": {"maxUnavailable": "500"}}, 8, 0),
        ({"rollingUpdate": {"maxUnavailable": "many%"}}, 4, 0),
        ({"type": "Recreate"}, 8, 0),
        ({"type": "Recreate", "rollingUpdate": {"maxUnavailable": 3}}, 8, 0),
    ],
)
def test_the_update_strategy_says_how_many_pods_may_be_missing(strategy: Object, replicas: int, expected: int) -> None:
    assert max_unavailable({"spec": {"strategy": strategy}}, replicas) == expected


def rolled(kind: str, *, spec: Object | None = None, **status: Any) -> Object:
    """A workload whose three pods are of its second and last change."""
    counts: dict[str, Object] = {
        "DaemonSet": {"desiredNumberScheduled": 3, "numberAvailable": 3, "updatedNumberScheduled": 3},
        "StatefulSet": {"currentRevision": "new", "updateRevision": "new"},
    }
    common = {"replicas": 3, "availableReplicas": 3, "updatedReplicas": 3}
    return {
        "kind": kind,
        "metadata": {"generation": 2},
        "spec": {"replicas": 3, **(spec or {})},
        "status": {"observedGeneration": 2, **common, **counts.get(kind, {}), **status},
    }


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_workload_whose_pods_are_all_available_and_of_the_last_change_is_complete(kind: str) -> None:
    workload_status = pods(rolled(kind))

    assert (
        workload_status.replicas,
        workload_status.available,
        workload_status.updated,
        workload_status.complete,
        workload_status.replaced,
    ) == (
        3,
        3,
        3,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("Deployment", "availableReplicas"), ("StatefulSet", "availableReplicas"), ("DaemonSet", "numberAvailable")],
)
def test_a_workload_that_lacks_one_available_pod_is_replaced_and_not_complete(kind: str, missing: str) -> None:
    workload_status = pods(rolled(kind, spec=None, **{missing: 2}))

    assert (workload_status.available, workload_status.complete, workload_status.replaced) == (2, False, True)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_status_of_an_earlier_change_says_nothing_about_the_last_one(kind: str) -> None:
    workload_status = pods(rolled(kind, observedGeneration=1))

    assert (workload_status.updated, workload_status.complete, workload_status.replaced) == (0, False, False)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Deployment", {"updatedReplicas": 2}),
        ("Deployment", {"replicas": 4}),
        ("StatefulSet", {"updatedReplicas": 2, "currentRevision": "old"}),
        ("StatefulSet", {"replicas": 4}),
        ("DaemonSet", {"updatedNumberScheduled": 2}),
    ],
)
def test_a_workload_with_a_pod_of_an_earlier_change_is_not_replaced(kind: str, status: Object) -> None:
    workload_status = pods(rolled(kind, **status))

    assert (workload_status.complete, workload_status.replaced) == (False, False)


def test_a_stateful_set_without_revisions_is_of_one_version() -> None:
    assert pods(rolled("StatefulSet", currentRevision="old", updateRevision="", updatedReplicas=0)).complete


def test_pods_that_are_replaced_on_deletion_only_count_one_by_one() -> None:
    manual = {"updateStrategy": {"type": "OnDelete"}}

    assert not pods(rolled("StatefulSet", spec=manual, updatedReplicas=1)).replaced
    assert pods(rolled("StatefulSet", spec=manual)).replaced


def test_a_paused_deployment_has_not_failed() -> None:
    assert pods(deployment("Progressing", "False", "DeploymentPaused")).failed == ""


def test_pods_that_are_young_need_no_word_where_no_age_is_asked_for() -> None:
    assert pods(rolled("Deployment", readyReplicas=3, availableReplicas=1)).cause == ""
