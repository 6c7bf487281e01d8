"""The one-line description of a rollout in each of its phases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.describe import actual_weight, awaited, describe, doing, share
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import blue_green, canary, rolling
from tests.rollout.release import V2

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SOON = START + timedelta(minutes=5)
OLD, NEW = Version(commit="a" * 40, hash="11111111"), Version(commit="b" * 40, hash="22222222")
STEPS: list[dict[str, Any]] = [
    {"weight": 25, "pause": "5m"},
    {"weight": 50, "approval": True},
    {"weight": 75, "analysis": True},
]


def state(phase: Phase, stage: Stage = Stage.NONE, **fields: object) -> RolloutState:
    return RolloutState(**{"phase": phase, "stage": stage, "stable": OLD, "target": NEW, "entered_at": START, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (RolloutState(), ""),
        (state(Phase.IDLE), "11111111 is stable"),
        (state(Phase.PENDING), "22222222 is about to start"),
        (state(Phase.PENDING, reason="another one goes first"), "22222222 waits: another one goes first"),
        (state(Phase.PROVISION), "22222222: the canary comes up, without traffic"),
        (state(Phase.STEP, Stage.SCALE), "22222222 step 1 of 3, 25 % of the traffic: its pods come up"),
        (
            state(Phase.STEP, Stage.SCALE, reason="the canary has no available pod"),
            "22222222 step 1 of 3, 25 % of the traffic: its pods come up (the canary has no available pod)",
        ),
        (state(Phase.STEP, Stage.ROUTE), "22222222 step 1 of 3, 25 % of the traffic: the routes take it up"),
        (
            state(Phase.STEP, Stage.HOLD, until=SOON),
            "22222222 step 1 of 3, 25 % of the traffic: holds, at least until 12:05:00 UTC",
        ),
        (
            state(Phase.STEP, Stage.HOLD, until=START + timedelta(hours=20)),
            "22222222 step 1 of 3, 25 % of the traffic: holds, at least until 2026-05-05 08:00:00 UTC",
        ),
        (state(Phase.STEP, Stage.HOLD, until=START), "22222222 step 1 of 3, 25 % of the traffic: holds"),
        (state(Phase.STEP, Stage.HOLD, step=1, until=START), "22222222 step 2 of 3, 50 % of the traffic: waits for approval"),
        (state(Phase.STEP, Stage.HOLD, step=2), "22222222 step 3 of 3, 75 % of the traffic: is judged by its metrics"),
        (state(Phase.PAUSED, reason="paused by ada"), "22222222 step 1 of 3, 25 % of the traffic: paused by ada"),
        (
            state(Phase.PAUSED, reason="errors was inconclusive 4 times"),
            "22222222 step 1 of 3, 25 % of the traffic: paused, because errors was inconclusive 4 times",
        ),
        (state(Phase.PROMOTE, Stage.CUT_SCALE), "22222222 promoting: the new version grows to full size"),
        (state(Phase.PROMOTE, Stage.CUT_ROUTE), "22222222 promoting: all traffic moves to the new version"),
        (
            state(Phase.PROMOTE, Stage.CUT_HOLD, until=SOON),
            "22222222 promoting: the new version carries the traffic, at least until 12:05:00 UTC",
        ),
        (state(Phase.PROMOTE, Stage.ROLL), "22222222 promoting: the workload takes the new version"),
        (state(Phase.PROMOTE, Stage.BACK), "22222222 promoting: traffic moves back to the workload"),
        (
            state(Phase.PROMOTE, Stage.RESTORE, reason="aborted by ada"),
            "22222222 rolling back (aborted by ada): the stable version is being restored",
        ),
        (state(Phase.FINALIZE, Stage.SERVICE), "22222222 promoted: the canary's Service goes"),
        (state(Phase.FINALIZE, Stage.WORKLOAD), "22222222 promoted: the canary goes"),
        (
            state(Phase.ABORT, Stage.UNROUTE, reason="errors failed 2 times"),
            "22222222 rolling back (errors failed 2 times): traffic leaves the canary",
        ),
        (
            state(Phase.SUPERSEDED, Stage.DRAIN, reason="33333333 is newer"),
            "22222222 superseded (33333333 is newer): requests in flight get time to end",
        ),
        (state(Phase.HELD, reason="errors failed 2 times"), "22222222 was rolled back: errors failed 2 times"),
    ],
)
def test_every_phase_explains_itself(now: RolloutState, line: str) -> None:
    assert describe(now, canary(STEPS)) == line


@pytest.mark.parametrize(
    ("policy", "now", "line"),
    [
        (rolling(), state(Phase.PROMOTE, Stage.ROLL), "22222222 rolling out: the workload takes the new version"),
        (rolling(), state(Phase.ABORT, Stage.UNROUTE, reason="aborted by ada"), "22222222 rolling back (aborted by ada)"),
        (rolling(), state(Phase.PROMOTE, Stage.WATCH), "22222222 rolling out: the new version is watched"),
        (
            blue_green(autoPromote=False),
            state(Phase.STEP, Stage.HOLD),
            "22222222 step 1 of 1, no traffic: waits for approval",
        ),
    ],
)
def test_the_other_strategies_do_so_too(policy: RolloutPolicySpec, now: RolloutState, line: str) -> None:
    assert describe(now, policy) == line


def test_metrics_that_only_watch_differ_from_those_that_are_waited_for() -> None:
    watched = canary([{"weight": 25, "pause": "5m"}], metrics=True)

    assert describe(state(Phase.STEP, Stage.HOLD), watched).endswith("is watched by its metrics")


def test_an_approval_is_named_by_version_and_step_and_only_while_it_is_waited_for() -> None:
    policy = canary(STEPS)

    assert awaited(state(Phase.STEP, Stage.HOLD, step=1), policy) == "22222222/1"
    assert awaited(state(Phase.STEP, Stage.HOLD, step=1, approvals=("22222222/1",)), policy) == ""
    assert awaited(state(Phase.STEP, Stage.SCALE, step=1), policy) == ""
    assert awaited(state(Phase.STEP, Stage.HOLD), policy) == ""


def test_a_share_is_described_in_words() -> None:
    match = Match(on=MatchOn.HEADER, name="user", value="david", mode=MatchMode.EXACT)

    assert share(Share()) == "no traffic"
    assert share(Share(match=match)) == "requests whose header user matches"
    assert share(Share(weight=5, mirror=Mirror(percent=10))) == "5 % of the traffic and copies of 10 %"


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in {Stage.NONE, Stage.HOLD}])
def test_every_stage_has_words(stage: Stage) -> None:
    assert doing(state(Phase.STEP, stage))


@pytest.mark.parametrize(
    ("replicas", "weight", "words"),
    [(1, 25, "25 % of the traffic (really 50 %): "), (1, 50, "50 % of the traffic: "), (3, 50, "50 % of the traffic: ")],
)
def test_behind_a_plain_service_the_actual_share_stands_beside_the_weight(replicas: int, weight: int, words: str) -> None:
    cluster = Cluster(
        policy=canary([{"weight": weight, "approval": True}], plain=True), replicas=replicas, primary_pods=replicas
    )
    cluster.primary_up = replicas
    cluster.settle(turns=30)
    cluster.head = V2
    cluster.until("Step", "Hold")
    assert words in describe(cluster.state, cluster.policy)
    cluster.command(CommandKind.PAUSE)
    cluster.until("Paused")

    assert words in describe(cluster.state, cluster.policy)


def test_a_share_that_the_surge_limits_is_said() -> None:
    cluster = started(canary([{"weight": 75, "approval": True}], surge=50))
    cluster.until("Step", "Hold")

    assert "75 % of the traffic (really 50 %): " in describe(cluster.state, cluster.policy)


def test_without_a_canary_the_weight_is_the_one_asked() -> None:
    what = run(canary([{"weight": 25}], plain=True))

    assert (
        actual_weight(state(Phase.STEP, Stage.SCALE, traffic=Traffic(want=Share(weight=25)), primary=3, canary=1), what) == 25
    )
    assert (
        actual_weight(state(Phase.STEP, Stage.SCALE, traffic=Traffic(want=Share(weight=25)), primary=3, canary=0), what) == 25
    )
    assert (
        actual_weight(state(Phase.STEP, Stage.SCALE, traffic=Traffic(want=Share(weight=25)), primary=1, canary=1), what) == 50
    )
