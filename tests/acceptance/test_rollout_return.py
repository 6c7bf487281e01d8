"""Commits that were rolled back: their status and their fate."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.installed_agent import apply
from tests.acceptance.metric_server import MetricServer
from tests.acceptance.objects import secret
from tests.acceptance.rollout import BAD, Rollout, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

SINGLE = {"leader__enabled": "false"}


@pytest.fixture
def meter() -> Iterator[MetricServer]:
    metric_server = MetricServer()
    yield metric_server
    metric_server.stop()


def github(team: Tenant, meter: MetricServer) -> None:
    """Commit statuses of `acme/shop` go to the meter."""
    team.apply(secret("github", token="t0ken"), namespace=team.installed.namespace)
    spec: Object = {
        "provider": "github",
        "address": meter.url,
        "secretRef": {"name": "github"},
        "repository": "acme/shop",
    }
    metadata = {"name": "github", "namespace": team.installed.namespace}
    apply(team.plane, {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": metadata, "spec": spec})


def said(meter: MetricServer, commit: str) -> list[tuple[str, str]]:
    """State and description of a commit's statuses as a whole."""
    posted = [json.loads(asked.body) for asked in meter.asked if asked.path == f"/repos/acme/shop/statuses/{commit}"]
    return [(body["state"], body["description"]) for body in posted if body["context"].count("/") == 1]


def aborted(team: Tenant) -> list[Object]:
    """The Events of rollouts that were rolled back."""
    events = team.plane.request("GET", f"/apis/events.k8s.io/v1/namespaces/{team.installed.namespace}/events")["items"]
    return [event for event in events if event["reason"] == "RolloutAborted"]


def test_a_bad_commit_is_marked_stays_out_over_a_restart_and_comes_in_when_asked(own: Tenant, meter: MetricServer) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    github(own, meter)
    rollout = Rollout(own, canary({"weight": 50}), progressDeadline="4s")
    good = rollout.begin()
    own.until(lambda: said(meter, good) and said(meter, good)[-1][0] == "success", "the good one is marked as good")
    bad = rollout.push(2, annotations=BAD)
    rollout.at("Held")
    own.says("RolledBack", "did not come up in time")

    own.until(lambda: said(meter, bad) and said(meter, bad)[-1][0] == "failure", "the commit is marked as failed")
    assert "rolled back" in said(meter, bad)[-1][1]
    assert all(state != "success" for state, _ in said(meter, bad))
    assert said(meter, good)[-1][0] == "success"
    (warning,) = own.until(lambda: aborted(own), "the Event is there")
    assert (warning["type"], "is rolled back" in warning["note"]) == ("Warning", True)
    assert own.application()["status"]["rollouts"][0]["phase"] == "Held"

    assert own.agent.stop() == 0
    own.agent = own.installed.start("again", settings=SINGLE)
    own.looked()
    assert rollout.status()["phase"] == "Held"
    assert rollout.second() is None
    assert (rollout.image(), rollout.status()["rejected"][0]["revision"]) == (image(1), bad)
    assert len([event for event in said(meter, bad) if event[0] == "failure"]) == 1

    rollout.command(CommandKind.RETRY)
    rollout.at("Provision")
    assert "rejected" not in rollout.status()


def test_a_revert_of_a_bad_commit_ends_at_rest_without_a_run(own: Tenant) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    rollout = Rollout(own, canary({"weight": 50}), progressDeadline="4s")
    rollout.begin()
    rollout.push(2, annotations=BAD)
    rollout.at("Held")

    commit = rollout.push(1)

    own.settled(commit)
    status = rollout.at("Idle")
    assert [run["result"] for run in status["history"]] == ["RolledBack"], "going back is no run"
    assert status["rejected"], "the bad version stays rejected"
    again = rollout.push(2, annotations=BAD)
    rollout.at("Held")
    own.looked()
    assert rollout.second() is None
    assert rollout.status()["target"]["revision"] == again
