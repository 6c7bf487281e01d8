from __future__ import annotations

import json

import pytest

from gitops_agent.operations.events import when
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.cli.conftest import Run


def record(stage: ClusterEnv, name: str, reason: str, moment: str, *, uid: str, note: str = "", count: int = 0) -> None:
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name},
        "type": "Normal",
        "reason": reason,
        "note": note,
        "action": reason,
        "eventTime": moment,
        "reportingController": "gitops-agent.dev/agent",
        "reportingInstance": "test",
        "regarding": {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Application",
            "namespace": stage.namespace,
            "name": "shop",
            "uid": uid,
        },
    }
    if count:
        event["series"] = {"count": count, "lastObservedTime": moment}
    stage.plane.request("POST", f"/apis/events.k8s.io/v1/namespaces/{stage.namespace}/events", event)


@pytest.mark.cluster
def test_events_of_this_application_stand_oldest_first(stage: ClusterEnv, run: Run) -> None:
    uid = stage.application("shop", healthy())["metadata"]["uid"]
    record(stage, "b", "Synced", "2026-05-04T12:00:02.000000Z", uid=uid, note="applied", count=3)
    record(stage, "a", "RevisionSeen", "2026-05-04T12:00:01.000000Z", uid=uid, note="a commit")
    record(stage, "other", "Synced", "2026-05-04T12:00:00.000000Z", uid="somebody-else")

    assert run("events", "shop").stdout == (
        "WHEN                  TYPE    REASON        TIMES  MESSAGE\n"
        "2026-05-04T12:00:01Z  Normal  RevisionSeen  1      a commit\n"
        "2026-05-04T12:00:02Z  Normal  Synced        3      applied\n"
    )
    assert [x["reason"] for x in json.loads(run("events", "shop", "-o", "json").stdout)] == ["RevisionSeen", "Synced"]
    assert run("events", "shop", "-o", "name").lines == ["event/a", "event/b"]


@pytest.mark.cluster
def test_none_is_said_on_standard_error(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("events", "shop")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.startswith("no events about shop")


def test_a_series_counts_from_its_last_time() -> None:
    event = {"metadata": {}, "eventTime": "2026-01-01T00:00:00Z", "series": {"lastObservedTime": "2026-01-02T00:00:00Z"}}

    assert when(event) == "2026-01-02T00:00:00Z"
