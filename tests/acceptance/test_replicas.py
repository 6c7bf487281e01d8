"""Two replicas, of which exactly one acts."""

from __future__ import annotations

import signal
import time

import pytest

from tests.acceptance.installed_agent import Agent
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]


def test_exactly_one_of_two_replicas_acts_and_the_other_takes_over_after_a_kill_within_fifteen_seconds(own: Tenant) -> None:
    one, two = own.installed.start("one"), own.installed.start("two")
    leader, follower = _leader(own, one, two)
    own.agent = leader
    commit = own.commit(files(config_map("good")))
    own.declare()
    own.settled(commit)
    assert not list(follower.reconciles())

    leader.kill()
    killed = time.monotonic()
    own.agent = follower
    own.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    own.until(lambda: follower.said("leading"), "the other leads")
    seconds = time.monotonic() - killed
    assert seconds < 15

    own.until(lambda: (own.config("good") or {})["data"] == {"key": "value"}, "the drift is repaired by the new leader")
    newer = own.commit(files(config_map("more")))
    own.settled(newer)


def test_a_leader_that_is_stopped_hands_over_within_three_seconds(own: Tenant) -> None:
    one, two = own.installed.start("one"), own.installed.start("two")
    leader, follower = _leader(own, one, two)
    own.until(lambda: follower.said("listening"), "the other runs")
    commit = own.commit(files(config_map("good")))
    own.agent = leader
    own.declare()
    own.settled(commit)

    leader.process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    own.agent = follower
    own.until(lambda: follower.said("leading"), "the other leads")
    seconds = time.monotonic() - asked

    assert leader.stop() == 0
    assert seconds < 3
    newer = own.commit(files(config_map("more")))
    own.settled(newer)


def _leader(team: Tenant, one: Agent, two: Agent) -> tuple[Agent, Agent]:
    team.until(lambda: one.said("leading") or two.said("leading"), "one of them leads")
    team.until(lambda: one.said("listening") and two.said("listening"), "both run")
    return (one, two) if one.said("leading") else (two, one)
