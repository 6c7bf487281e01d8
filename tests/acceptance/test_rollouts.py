"""Rollouts with a real agent on a real control plane, behind a plain Service."""

from __future__ import annotations

import pytest

from gitops_agent.rollout.command import Order
from tests.acceptance.rollout import Rollout, blue_green, canary, image
from tests.acceptance.team import Team

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def test_a_canary_goes_through_its_steps_and_is_promoted(team: Team) -> None:
    rollout = Rollout(team, canary({"weight": 25}, {"weight": 50, "approval": True}))
    rollout.begin()

    commit = rollout.push(2)
    status = rollout.at("Step", "Hold", step=1)
    second = rollout.second()
    assert second is not None
    assert (second["spec"]["replicas"], rollout.workload()["spec"]["replicas"]) == (2, 2)
    assert rollout.image() == image(1), "the workload itself is the old version until the promotion"
    assert status["approval"].endswith("/1")
    rollout.command(Order.APPROVE)

    team.settled(commit)
    assert rollout.image() == image(2)
    assert rollout.second() is None
    assert rollout.selector("web-canary") is None
    assert rollout.status()["history"][0]["result"] == "Promoted"


def test_blue_green_switches_at_once_and_the_old_version_stays_until_then(team: Team) -> None:
    rollout = Rollout(team, blue_green(autoPromote=False))
    rollout.begin()

    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    second = rollout.second()
    assert second is not None
    assert second["spec"]["replicas"] == 4
    assert (rollout.selector() or {})["gitops-agent.dev/variant"] == "primary"
    rollout.command(Order.APPROVE)

    team.settled(commit)
    assert rollout.image() == image(2)
    assert rollout.second() is None
