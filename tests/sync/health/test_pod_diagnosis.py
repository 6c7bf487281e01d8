from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gitops_agent.manifest.key import Object
from gitops_agent.sync.health.pod_diagnosis import Ask, diagnose, first
from tests.sync.health.live import condition, conditions, live
from tests.sync.health.test_rules import STATUS

UNREADY = condition("Ready", "False", "ContainersNotReady")


def pod(*containers: Object, name: str = "a", spec: Any = None, **status: Any) -> Object:
    body = {"phase": "Running", "containerStatuses": list(containers), "conditions": [UNREADY]} | status
    return live("v1", "Pod", spec=spec or {}, status=body) | {"metadata": {"name": name}}


def container(name: str = "app", restarts: int = 0, **state: Any) -> Object:
    last = state.pop("last", None)
    body: Object = {"name": name, "image": "web:1", "ready": False, "restartCount": restarts, "state": state}
    return body | ({"lastState": last} if last else {})


def waiting(reason: str, message: str = "") -> Object:
    return {"reason": reason, "message": message}


DIED: Object = {"terminated": {"exitCode": 3, "reason": "Error"}}


@pytest.mark.parametrize(
    ("failing_pod", "reason", "certain"),
    [
        (pod(container(waiting=waiting("ImagePullBackOff", "back-off"))), "ImagePullFailed", True),
        (pod(container(waiting=waiting("ErrImagePull", "connection reset"))), "ImagePullFailed", False),
        (pod(container(waiting=waiting("ErrImagePull", "manifest unknown"))), "ImagePullFailed", True),
        (pod(container(waiting=waiting("InvalidImageName"))), "ImagePullFailed", True),
        (pod(container(waiting=waiting("CreateContainerConfigError", 'secret "db" not found'))), "ContainerConfigError", True),
        (pod(container(waiting=waiting("CrashLoopBackOff"), restarts=1, last=DIED)), "CrashLoop", False),
        (pod(container(waiting=waiting("CrashLoopBackOff"), restarts=2, last=DIED)), "CrashLoop", True),
        (pod(container(running={}, restarts=5, last=DIED)), "CrashLoop", True),
        (pod(container(running={})), "ProbeFailed", False),
        (pod(container(waiting=waiting("ContainerCreating"))), "MountFailed", False),
        (pod(phase="Failed", reason="Evicted"), "PodFailed", False),
        (pod(initContainerStatuses=[container("init", running={})]), "InitStuck", False),
        (
            pod(initContainerStatuses=[container("init", waiting=waiting("CrashLoopBackOff"), restarts=3, last=DIED)]),
            "CrashLoop",
            True,
        ),
        (pod(conditions=[condition("PodScheduled", "False", "Unschedulable", "0/3 nodes")]), "Unschedulable", False),
        (pod(conditions=[UNREADY, condition("ContainersReady", "True")]), "NotReady", False),
    ],
)
def test_what_is_wrong_with_a_pod(failing_pod: Object, reason: str, *, certain: bool) -> None:
    finding = diagnose(failing_pod)

    assert finding is not None
    assert (finding.reason, finding.certain) == (reason, certain)


@pytest.mark.parametrize(
    "sound",
    [
        pod({"name": "app", "ready": True, "restartCount": 9, "state": {"running": {}}, "lastState": DIED}, conditions=[]),
        pod(phase="Succeeded"),
        pod(container(waiting=waiting("ImagePullBackOff"))) | {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
)
def test_nothing_is_wrong(sound: Object) -> None:
    assert diagnose(sound) is None


def test_a_sidecar_that_runs_is_no_stuck_init_container() -> None:
    sidecar = pod(
        container(running={}),
        initContainerStatuses=[container("proxy", running={}) | {"ready": True}],
        spec={"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]},
    )
    finding = diagnose(sidecar)

    assert finding is not None
    assert finding.reason == "ProbeFailed"


def test_the_last_words_of_a_container_are_reported_and_else_its_log_is_asked_for() -> None:
    spoken: Object = {"terminated": {"exitCode": 1, "message": "Traceback:\n  line 3\nKeyError: 'DB'\n"}}
    explained, silent = diagnose(pod(container(last=spoken))), diagnose(pod(container(last=DIED)))

    assert explained is not None
    assert silent is not None
    assert explained.message.endswith("ended with exit code 1: KeyError: 'DB'")
    assert (explained.ask, silent.ask) == (Ask.NOTHING, Ask.LOG)


def test_out_of_memory_is_named() -> None:
    finding = diagnose(pod(container(last={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, restarts=4)))

    assert finding is not None
    assert finding.message == "container app ended with exit code 137, OOMKilled (4 restarts)"


def test_the_most_telling_pod_speaks_for_all() -> None:
    probe = pod(container(running={}), name="a")
    crash = pod(container(running={}, restarts=2, last=DIED), name="b")

    worst = first([probe, crash, pod(container(running={}, restarts=3, last=DIED), name="c")])

    assert worst is not None
    assert (worst[0]["metadata"]["name"], worst[1].reason, worst[2]) == ("b", "CrashLoop", 2)


def test_pods_of_the_new_revision_come_first() -> None:
    old = pod(container(running={}, restarts=2, last=DIED), name="old")
    new = pod(container(running={}), name="new")

    worst = first([old, new], newer=lambda candidate: candidate["metadata"]["name"] == "new")

    assert worst is not None
    assert worst[0] is new


@given(status=STATUS)
def test_whatever_stands_in_a_status_is_no_error(status: Any) -> None:
    diagnose(live("v1", "Pod", status=status))
    diagnose(live("v1", "Pod", status=conditions(UNREADY) | (status if isinstance(status, dict) else {})))
