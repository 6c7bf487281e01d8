"""Two replicas, of which exactly one acts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.acceptance.installed_agent import Agent
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

LONG = {"leader__duration_seconds": "60"}


def test_exactly_one_of_two_replicas_acts_and_the_other_takes_over_after_a_kill(own: Tenant) -> None:
    first, second = own.installed.start("one"), own.installed.start("two")
    leader, follower = _leader(own, first, second)
    own.agent = leader
    commit = own.commit(files(config_map("good")))
    own.declare()
    own.settled(commit)
    assert not list(follower.reconciles())

    leader.kill()
    own.agent = follower
    own.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    own.until(lambda: follower.said("leading"), "the other leads")
    own.until(lambda: (own.config("good") or {})["data"] == {"key": "value"}, "the drift is repaired by the new leader")
    newer = own.commit(files(config_map("more")))
    own.settled(newer)


def test_a_leader_that_is_stopped_hands_over_before_its_lease_would_end(own: Tenant) -> None:
    first, second = own.installed.start("one", settings=LONG), own.installed.start("two", settings=LONG)
    leader, follower = _leader(own, first, second)
    own.until(lambda: follower.said("listening"), "the other runs")
    commit = own.commit(files(config_map("good")))
    own.agent = leader
    own.declare()
    own.settled(commit)

    assert leader.stop() == 0
    own.agent = follower
    own.until(lambda: follower.said("leading"), "the other leads")

    assert _at(follower, "leading") - _at(leader, "no longer leading") < timedelta(seconds=30)
    newer = own.commit(files(config_map("more")))
    own.settled(newer)


def _at(agent: Agent, event: str) -> datetime:
    return datetime.fromisoformat(agent.said(event)[-1]["timestamp"])


def _leader(team: Tenant, first: Agent, second: Agent) -> tuple[Agent, Agent]:
    team.until(lambda: first.said("leading") or second.said("leading"), "one of them leads")
    team.until(lambda: first.said("listening") and second.said("listening"), "both run")
    return (first, second) if first.said("leading") else (second, first)
