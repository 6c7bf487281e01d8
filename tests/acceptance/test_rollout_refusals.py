"""Rollouts beside commits, policies and versions that are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.rollout.command import CommandKind
from tests.acceptance.metric_server import MetricServer
from tests.acceptance.objects import files, service
from tests.acceptance.rollout import Rollout, canary, image, policy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

HOLDS = {"weight": 50, "approval": True}


@pytest.fixture
def meter() -> Iterator[MetricServer]:
    metric_server = MetricServer()
    yield metric_server
    metric_server.stop()


def test_a_run_is_aborted_while_the_newest_policy_is_refused(team: Tenant) -> None:
    rollout = Rollout(team, canary(HOLDS))
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    rollout.spec["setWeight"] = 20
    rollout.push(2)
    team.says("InvalidSpec", "setWeight: is unknown")
    rollout.until(lambda status: any("setWeight" in note for note in status.get("notes", ())), "the policy says so")
    assert rollout.status()["phase"] == "Step"
    rollout.command(CommandKind.ABORT)

    rollout.at("Held")
    assert (rollout.image(), rollout.second()) == (image(1), None)
    team.says("InvalidSpec", "setWeight: is unknown")
    del rollout.spec["setWeight"]
    rollout.push(3)
    rollout.at("Step", "Hold")
    assert "notes" not in rollout.status()


def test_a_failing_metric_ends_a_run_while_two_policies_are_about_its_workload(team: Tenant, meter: MetricServer) -> None:
    rollout = Rollout(team, canary(HOLDS), analysis={"metrics": [meter.metric()]})
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    other = policy(canary(HOLDS))
    rollout.push(2, {**other, "metadata": {"name": "other"}})
    team.says("RolloutRefused", "are both about Deployment web")
    meter.value = 0.5

    status = rollout.at("Held")
    assert "errors failed once" in status["message"]
    assert rollout.image() == image(1)


LOTS = {"requests": {"cpu": "lots"}}


def test_a_version_whose_template_the_api_server_refuses_waits_and_a_corrected_one_begins(team: Tenant) -> None:
    rollout = Rollout(team, canary(HOLDS))
    rollout.begin()
    rollout.push(2, resources=LOTS)

    status = rollout.until(lambda status: "quantities must match" in status.get("message", ""), "the policy says why")

    assert (status["phase"], rollout.second(), rollout.selector("web-canary")) == ("Pending", None, None)
    team.says("PreflightFailed", "quantities must match")
    rollout.push(3)
    status = rollout.at("Step", "Hold")
    assert "quantities must match" in status["history"][0]["reason"]
    rollout.push(4, resources=LOTS)
    status = rollout.until(lambda status: "quantities must match" in status.get("message", ""), "the newer one waits")
    assert (status["phase"], rollout.second()) == ("Pending", None)
    rollout.command(CommandKind.ABORT)
    rollout.at("Held")
    team.settled(rollout.push(1))


def test_a_run_that_waits_for_a_route_takes_up_the_policy_that_does_without(team: Tenant) -> None:
    rollout = Rollout(team, canary(HOLDS))
    rollout.begin()
    rollout.spec["traffic"] = {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": "typo"}]}
    rollout.push(2)
    rollout.until(lambda status: "HTTPRoute typo is not declared" in status.get("message", ""), "the policy says why")
    assert rollout.status()["phase"] == "Pending"

    del rollout.spec["traffic"]
    corrected = rollout.push(2)

    status = rollout.at("Step", "Hold")
    assert (status["target"]["revision"], "history" in status) == (corrected, False)


@pytest.mark.parametrize("abort", [False, True])
def test_a_run_keeps_the_service_that_git_renames_meanwhile(team: Tenant, *, abort: bool) -> None:
    rollout = Rollout(team, canary(HOLDS))
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    named = service("web")
    named["metadata"]["name"] = "shop"
    changes = {**rollout.manifests(2), **files(named)}
    changes = {name: text.replace("service: web", "service: shop") for name, text in changes.items()}
    (old,) = files(service("web"))
    commit = team.commit({**changes, old: None}, "Rename the Service")
    team.until(lambda: team.application()["status"]["source"]["revision"] == commit, "the commit is known")
    assert rollout.selector() is not None

    if abort:
        rollout.command(CommandKind.ABORT)
        rollout.at("Held")
        assert (rollout.image(), rollout.selector("web-canary")) == (image(1), None)
    else:
        rollout.command(CommandKind.PROMOTE)
        team.settled(commit)
        team.until(lambda: rollout.selector() is None, "the old Service goes")
        assert (rollout.image(), rollout.second(), rollout.selector("web-canary")) == (image(2), None, None)
