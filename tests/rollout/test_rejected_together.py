"""Versions rejected because another rollout of their commit failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.state import Phase
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import blue_green, canary, rolling
from tests.rollout.release import V1, V2


def given_up(policy: RolloutPolicySpec, phase: str, stage: str | None = None) -> Cluster:
    """A rollout that was given up with another one of its commit."""
    cluster = started(policy)
    cluster.until(phase, stage)
    order = Command(order=CommandKind.ABORT, nonce="api", actor="the rollout of api", rollout="shop/api")
    cluster.commands.append(order)
    cluster.until("Held", seconds=5)
    cluster.settle(turns=5)
    return cluster


@pytest.mark.parametrize(
    ("policy", "phase", "stage"),
    [
        (canary(), "Step", "Hold"),
        (canary(), "Promote", "Roll"),
        (blue_green(), "Provision", None),
        (rolling(), "Promote", "Roll"),
    ],
)
def test_a_version_that_was_only_given_up_with_another_returns_once_that_one_is_corrected(
    policy: RolloutPolicySpec, phase: str, stage: str | None
) -> None:
    cluster = given_up(policy, phase, stage)
    assert (cluster.state.phase, cluster.state.rejects(V2)) == (Phase.HELD, True)

    cluster.head = replace(V2, commit="e" * 40)
    cluster.settle(turns=5)
    assert cluster.state.phase is Phase.HELD, "the other one is as it was"
    cluster.corrected = frozenset({"shop/api"})
    cluster.settle()

    assert (cluster.state.stable, cluster.primary) == (cluster.head, cluster.head)
    assert cluster.faults == []


def test_a_version_that_failed_by_itself_stays_out_when_another_is_corrected() -> None:
    cluster = started(canary())
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.ABORT)
    cluster.until("Held", seconds=5)
    cluster.head, cluster.corrected = replace(V2, commit="e" * 40), frozenset({"shop/api"})
    cluster.settle()

    assert (cluster.state.phase, cluster.primary) == (Phase.HELD, V1)
