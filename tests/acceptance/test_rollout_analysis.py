"""Rollouts that are judged: by an HTTP endpoint, and by Jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from gitops_agent.rollout.command import CommandKind
from tests.acceptance.metric_server import MetricServer
from tests.acceptance.rollout import Rollout, blue_green, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@pytest.fixture
def meter() -> Iterator[MetricServer]:
    metric_server = MetricServer()
    yield metric_server
    metric_server.stop()


def test_a_metric_that_fails_takes_the_traffic_back_within_a_second(team: Tenant, meter: MetricServer) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}), analysis={"metrics": [meter.metric(failureLimit=1)]})
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    meter.value = 0.5

    status = rollout.at("Held")
    assert "errors failed 2 times" in status["message"]
    assert rollout.image() == image(1)
    measured = status["analysis"][0]["measurements"]
    assert measured[-1]["verdict"] == "failure"
    rejected = datetime.fromisoformat(status["state"]["rejected"][0]["at"])
    assert abs((rejected - datetime.fromisoformat(measured[-1]["at"])).total_seconds()) < 1.0


def test_a_step_that_asks_for_analysis_waits_for_its_samples(team: Tenant, meter: MetricServer) -> None:
    metric = meter.metric(samples=2)
    rollout = Rollout(team, canary({"weight": 50, "analysis": True}), analysis={"metrics": [metric]})
    rollout.begin()

    commit = rollout.push(2)

    team.settled(commit)
    assert rollout.image() == image(2)


def test_a_metric_without_data_pauses_and_a_person_decides(team: Tenant, meter: MetricServer) -> None:
    meter.value = None
    metric = meter.metric(inconclusiveLimit=0)
    rollout = Rollout(team, canary({"weight": 50, "analysis": True}), analysis={"metrics": [metric]})
    rollout.begin()
    commit = rollout.push(2)

    rollout.at("Paused")
    assert "inconclusive" in team.says("RolloutPaused")
    meter.value = 0.0
    rollout.command(CommandKind.RESUME)

    team.settled(commit)


def test_a_dry_run_is_shown_and_never_acted_upon(team: Tenant, meter: MetricServer) -> None:
    meter.value = 0.9
    metric = meter.metric(dryRun=True)
    rollout = Rollout(team, canary({"weight": 50, "approval": True}), analysis={"metrics": [metric]})
    rollout.begin()
    commit = rollout.push(2)

    status = rollout.until(lambda status: (status.get("analysis") or [{}])[0].get("failed"), "the failure is shown")
    assert status["analysis"][0]["dryRun"] is True
    rollout.command(CommandKind.PROMOTE)

    team.settled(commit)


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_job_judges_the_preview_of_blue_green(team: Tenant, ends: str) -> None:
    labels = {"app": "smoke"}
    annotations = {"sandbox.gitops-agent.dev/pod": "crash"} if ends == "badly" else {}
    container = {"name": "main", "image": "registry.example.com/smoke:1"}
    pod = {"restartPolicy": "Never", "containers": [container]}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "smoke"},
        "spec": {"suspend": True, "backoffLimit": 0, "template": template},
    }
    metric = {"name": "smoke", "provider": {"job": {"name": "smoke"}}, "interval": "1h"}
    rollout = Rollout(team, blue_green(), job, analysis={"metrics": [metric]})
    rollout.begin()

    commit = rollout.push(2)

    if ends == "well":
        team.settled(commit)
        assert rollout.image() == image(2)
    else:
        rollout.at("Held")
        assert "smoke failed" in rollout.status()["message"]
        assert rollout.image() == image(1)
