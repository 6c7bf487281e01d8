from __future__ import annotations

import pytest

from benchmarks.traffic.pods import Pod, running
from gitops_agent.manifest.key import Object


def _pod(
    *states: str, phase: str = "Running", address: str = "10.88.0.1", ready: str = "True", deleted: bool = False
) -> Object:
    return {
        "metadata": {
            "namespace": "shop",
            "name": "web-1",
            "uid": "u",
            "labels": {"gitops-agent.dev/variant": "canary"},
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}),
        },
        "spec": {"containers": [{"image": "web:2"}, {"image": "side:1"}]},
        "status": {
            "phase": phase,
            "podIP": address,
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"state": {state: {}}} for state in states],
        },
    }


@pytest.mark.parametrize(
    "obj",
    [
        _pod("running", "running"),
        _pod("running", "running", ready="False"),
        _pod("running", "running", deleted=True),
    ],
)
def test_a_pod_answers_while_its_containers_run_ready_or_not_ending_or_not(obj: Object) -> None:
    assert running(obj) == Pod(address="10.88.0.1", namespace="shop", name="web-1", image="web:2", variant="canary")


@pytest.mark.parametrize(
    "obj",
    [
        _pod("running", "waiting"),
        _pod("running", "terminated"),
        _pod(),
        _pod("running", phase="Pending"),
        _pod("running", phase="Succeeded"),
        _pod("running", address=""),
    ],
)
def test_nothing_answers_where_a_container_does_not_run(obj: Object) -> None:
    assert running(obj) is None
