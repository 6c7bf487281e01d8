"""A clock that is set while a rollout runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gitops_agent.rollout.metric_counters import counted
from gitops_agent.rollout.observation import Answer, Measurement
from gitops_agent.rollout.state import Counter
from tests.rollout.cluster import started
from tests.rollout.world import START


@pytest.mark.parametrize("jump", [-7200, -5])
def test_a_clock_set_back_does_not_make_a_pause_longer(jump: int) -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.now += timedelta(seconds=jump)
    begin = cluster.now
    cluster.until("Step", "Scale", step=1)

    assert cluster.now - begin <= timedelta(seconds=70)


def test_what_was_measured_before_the_clock_was_set_back_is_not_counted_again() -> None:
    (before,) = counted((Counter(metric="errors"),), (measurement(START),), version="a", now=START)
    earlier = START - timedelta(hours=2)
    behind = replace(before, last_at=earlier)

    assert counted((behind,), (measurement(START),), version="a", now=earlier) == (behind,)
    (after,) = counted((behind,), (measurement(earlier + timedelta(seconds=1)),), version="a", now=START)
    assert (before.samples, after.samples) == (1, 2)


def measurement(at: datetime) -> Measurement:
    return Measurement(metric="errors", at=at, answer=Answer.SUCCESS, hash="a")
