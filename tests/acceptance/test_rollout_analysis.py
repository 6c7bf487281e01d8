"""Rollouts that are judged: by an HTTP endpoint, and by Jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from gitops_agent.sandbox.pod_failures import POD
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


def smoke(failure: str = "") -> Object:
    """The template of a Job whose pod fails in this way."""
    annotations = {POD: failure} if failure else {}
    container = {"name": "main", "image": "registry.example.com/smoke:1"}
    pod = {"restartPolicy": "Never", "containers": [container]}
    template = {"metadata": {"labels": {"app": "smoke"}, "annotations": annotations}, "spec": pod}
    spec = {"suspend": True, "backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "smoke"}, "spec": spec}


def running(team: Tenant) -> list[str]:
    """The Jobs that are not suspended and have not ended."""
    items = team.plane.request("GET", f"/apis/batch/v1/namespaces/{team.namespace}/jobs")["items"]
    going = (job for job in items if not job["spec"].get("suspend") and not (job.get("status") or {}).get("conditions"))
    return [job["metadata"]["name"] for job in going if "deletionTimestamp" not in job["metadata"]]


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_job_judges_the_preview_of_blue_green(team: Tenant, ends: str) -> None:
    job = smoke("crash" if ends == "badly" else "")
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


def test_a_job_that_never_ends_pauses_the_step_with_its_cause(team: Tenant) -> None:
    metric = {"name": "smoke", "provider": {"job": {"name": "smoke"}}, "timeout": "3s", "consecutiveErrorLimit": 0}
    rollout = Rollout(team, blue_green(), smoke("no-pull"), analysis={"metrics": [metric]})
    rollout.begin()
    rollout.push(2)

    status = rollout.at("Paused")

    assert "smoke could not be measured 1 times in a row" in status["message"]
    (measured,) = status["analysis"][0]["measurements"]
    assert (measured["verdict"], "did not end within 3s: " in measured["message"]) == ("error", True)
    team.until(lambda: not running(team), "its Job is ended")


def test_the_job_of_an_aborted_run_does_not_run_on(team: Tenant) -> None:
    metric = {"name": "smoke", "provider": {"job": {"name": "smoke"}}}
    rollout = Rollout(team, blue_green(), smoke("hang"), analysis={"metrics": [metric]})
    rollout.begin()
    rollout.push(2)
    team.until(lambda: running(team), "its Job runs")

    rollout.command(CommandKind.ABORT)

    rollout.at("Held")
    team.until(lambda: not running(team), "its Job is ended")


def test_a_promotion_that_hangs_on_a_job_is_ended_by_a_command(team: Tenant) -> None:
    metric = {"name": "smoke", "provider": {"job": {"name": "smoke"}}}
    rollout = Rollout(team, canary({"weight": 50, "pause": "10m"}), smoke("hang"), analysis={"metrics": [metric]})
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    rollout.command(CommandKind.ADVANCE)
    rollout.at("Promote", "CutHold")
    team.until(lambda: running(team), "its Job runs")

    rollout.command(CommandKind.PROMOTE)

    team.settled(commit)
    assert rollout.image() == image(2)
    team.until(lambda: not running(team), "its Job is ended")
