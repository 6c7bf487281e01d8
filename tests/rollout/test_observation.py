from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.rollout.observation import Observation, WorkloadStatus

PODS = WorkloadStatus(version=None, replicas=1, available=1)


@pytest.mark.parametrize(
    "there",
    [{"canary": PODS}, {"baseline": PODS}, {"canary_service": True}, {"configs": True}, {"leftovers": True}],
    ids=lambda there: next(iter(there)),
)
def test_any_object_of_a_run_is_left_of_it(there: dict[str, Any]) -> None:
    assert Observation(head=None, primary=PODS, **there).leavings


def test_the_workload_itself_is_not_left_of_a_run() -> None:
    assert not Observation(head=None, primary=PODS, service=True).leavings


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({"failed": "deadline", "hindered": "quota", "cause": "crash"}, "deadline: crash"),
        ({"hindered": "quota", "cause": "crash"}, "quota: crash"),
        ({"cause": "crash"}, "crash"),
        ({"failed": "crash", "cause": "crash"}, "crash"),
        ({}, ""),
    ],
)
def test_the_trouble_of_a_workload_is_what_its_controller_and_its_pods_say(status: dict[str, Any], trouble: str) -> None:
    assert WorkloadStatus(version=None, replicas=1, available=0, **status).trouble == trouble
