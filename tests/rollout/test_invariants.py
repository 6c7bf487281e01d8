"""The invariants of a rollout over random histories.

They hold whatever happens, in whichever order, and wherever the agent dies.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gitops_agent.api.rollout_policy import RolloutPolicySpec, TrafficProvider
from gitops_agent.rollout.canary_objects import canary_name
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.observation import Answer
from gitops_agent.rollout.run_plan import load_policy, run
from gitops_agent.rollout.state import Phase, RolloutState, Share
from gitops_agent.rollout.status import from_status, to_status
from gitops_agent.rollout.traffic.router import Match, MatchOn
from tests.rollout.cluster import Cluster
from tests.rollout.policies import blue_green, canary, rolling
from tests.rollout.release import renamed, version
from tests.rollout.test_overlay import NEW, OLD, overlay, subject

pytestmark = pytest.mark.slow

Event = tuple[str, int]

MATCHED: list[dict[str, Any]] = [
    {"match": {"header": {"name": "user", "value": "david"}}, "pause": "30s"},
    {"weight": 50, "approval": True},
]
POLICIES: dict[str, Callable[[], RolloutPolicySpec]] = {
    "canary": lambda: canary(progressDeadline="2m", pausedDeadline="10m"),
    "judged": lambda: canary([{"weight": 10, "analysis": True}, {"weight": 50, "pause": "1m"}], metrics=True),
    "hasty": lambda: canary(delay="1s", drain="1m", progressDeadline="5m"),
    "matched": lambda: canary(MATCHED, pausedDeadline="10m"),
    "compared": lambda: canary([{"weight": 25, "pause": "1m"}, {"weight": 75, "pause": "1m"}], metrics=True, baseline=True),
    "narrow": lambda: canary(surge=25, progressDeadline="2m"),
    "plain": lambda: canary(plain=True, progressDeadline="2m"),
    "plain without surge": lambda: canary(plain=True, surge=0, progressDeadline="3m"),
    "plain, back and forth": lambda: canary([{"weight": 50}, {"weight": 0, "pause": "30s"}, {"weight": 75}], plain=True),
    "plain, narrow": lambda: canary([{"weight": 50, "pause": "30s"}, {"weight": 10}, {"weight": 75}], plain=True, surge=25),
    "blue-green": lambda: blue_green(progressDeadline="2m"),
    "blue-green by hand": lambda: blue_green(autoPromote=False, previewReplicas=1, metrics=True),
    "rolling": lambda: rolling(metrics=True, progressDeadline="2m"),
}

EVENTS = st.one_of(
    st.tuples(st.just("turns"), st.integers(1, 8)),
    st.tuples(st.just("turns"), st.integers(1, 8)),
    st.tuples(st.just("turns"), st.integers(8, 40)),
    st.tuples(st.just("crash"), st.integers(0, 4)),
    st.tuples(st.just("strike"), st.integers(0, 4)),
    st.tuples(st.just("leftover"), st.integers(2, 4)),
    st.tuples(st.just("push"), st.integers(1, 4)),
    st.tuples(st.just("break"), st.integers(2, 4)),
    st.tuples(st.just("repair"), st.integers(2, 4)),
    st.tuples(st.just("command"), st.integers(0, len(CommandKind) - 1)),
    st.tuples(st.just("answer"), st.integers(0, len(Answer) - 1)),
    st.tuples(st.just("clock"), st.integers(-7200, 7200)),
    st.tuples(st.just("wait"), st.integers(1, 300)),
    st.tuples(st.just("evict"), st.integers(0, 4)),
    st.tuples(st.just("fall"), st.integers(0, 4)),
    st.tuples(st.just("lag"), st.integers(1, 20)),
    st.tuples(st.just("pace"), st.integers(0, 2)),
    st.tuples(st.just("linger"), st.integers(0, 4)),
    st.tuples(st.just("uptake"), st.integers(0, 4)),
    st.tuples(st.just("refuse"), st.integers(0, 1)),
    st.tuples(st.just("unlisted"), st.integers(0, 4)),
    st.tuples(st.just("route"), st.integers(0, 100)),
    st.tuples(st.just("lose"), st.just(0)),
    st.tuples(st.just("edit"), st.integers(0, 3)),
    st.tuples(st.just("rename"), st.just(0)),
    st.tuples(st.just("commit"), st.integers(0, 9)),
    st.tuples(st.just("scale"), st.integers(0, 8)),
    st.tuples(st.just("gate"), st.integers(0, 1)),
    st.tuples(st.just("others"), st.integers(0, 1)),
    st.tuples(st.just("order"), st.integers(0, 9)),
)

few = settings(max_examples=max(5, settings().max_examples // 4))
"""A long history costs as much as a hundred steps of the machine, and every policy is tried."""


def happen(cluster: Cluster, event: Event) -> None:  # noqa: PLR0912 - one case an event
    """Lets one thing happen."""
    kind, value = event
    match kind:
        case "turns":
            for _ in range(value):
                cluster.turn()
                told(cluster)
                cluster.tick(10)
        case "crash":
            cluster.turn(crash_after=value)
        case "strike":
            # The agent dies once it has decided, and pods are lost before it is back.
            cluster.turn(crash_after=1)
            cluster.primary_up = min(cluster.primary_up, value)
        case "leftover":
            early = not cluster.state.running or cluster.state.phase is Phase.PENDING
            if cluster.state.stable is not None and early and not cluster.leftovers:
                cluster.leave_behind(version(value + 10))
        case "push":
            cluster.head = renamed(version(value), to=cluster.policy.service == "shop")
        case "commit":
            cluster.head = renamed(replace(cluster.head, commit=f"{value:040x}"), to=cluster.policy.service == "shop")
        case "rename":
            # One commit renames the Service, and the policy with it.
            to = cluster.policy.service != "shop"
            cluster.head = renamed(cluster.head, to=to)
            cluster.policy = cluster.policy.model_copy(update={"service": "shop" if to else "web"})
        case "break":
            cluster.broken |= {version(value).hash}
        case "repair":
            cluster.broken -= {version(value).hash}
        case "command":
            cluster.command(tuple(CommandKind)[value])
        case "answer":
            cluster.answer = tuple(Answer)[value]
        case "clock":
            cluster.now += timedelta(seconds=value)
            cluster.zero_since += timedelta(seconds=min(value, 0))
            cluster.full_since += timedelta(seconds=min(value, 0))
        case "wait":
            cluster.tick(value)
        case "evict":
            cluster.canary_up = min(cluster.canary_up, value)
        case "fall":
            # Pods of the workload are lost to something else; every number of them may be left.
            cluster.primary_up = min(cluster.primary_up, value)
        case "lag":
            cluster.lag = value
        case "pace":
            cluster.pace = value
        case "linger":
            cluster.linger = value
        case "uptake":
            cluster.uptake = value
        case "unlisted":
            cluster.unlisted = value
        case "refuse":
            cluster.refused = bool(value)
        case "route":
            # By hand, past the agent; only where there is something to route to.
            if cluster.canary_up and not cluster.share.none:
                cluster.share = Share(weight=value) if value else Share(match=Match(on=MatchOn.HEADER, name="x", value="y"))
        case "scale":
            # A user asks for another number at any time; of an autoscaled workload, the load grows.
            more = max(value, cluster.replicas if cluster.state.running else 1) if cluster.autoscaled else value
            cluster.replicas = more
        case "gate":
            cluster.gate = "somebody must approve" if value else ""
        case "others":
            cluster.barrier = bool(value)
        case "order":
            cluster.order = Random(value)  # noqa: S311 - any order the plan allows
        case "lose":
            # With the state its plan is lost: what a policy that rolls pod by pod never makes is not recognised then.
            if not cluster.state.running or not run(cluster.policy).rolling or cluster.running.rolling:
                cluster.state = RolloutState()
        case "edit":
            cluster.policy = edited(cluster.policy, value)


def edited(policy: RolloutPolicySpec, how: int) -> RolloutPolicySpec:
    """The policy with shorter times, other steps or another strategy."""
    plain, service = policy.traffic.provider is TrafficProvider.SERVICE, policy.service
    if how == 1:
        return canary([{"weight": 10}, {"weight": 90, "pause": "30s"}], plain=plain, service=service)
    if how == 2:
        return rolling(plain=plain, service=service)
    if how == 3 and not plain:
        return blue_green(service=service)
    return policy.model_copy(update={"drain": timedelta(seconds=10), "progress_deadline": timedelta(minutes=4)})


def told(cluster: Cluster) -> None:
    """What must hold after every completed turn."""
    if not cluster.canary_up and cluster.canary is not None and cluster.service:
        cluster.note(cluster.state.traffic.want.none, "I1: traffic is still wanted for a canary that cannot answer")
    cluster.note(from_status(to_status(cluster.state)) == cluster.state, "the state does not survive its JSON")


HISTORIES: list[tuple[list[Event], int, int, bool]] = [
    ([("turns", 1), ("evict", 1)], 5, 1, False),
    ([("crash", 1), ("command", 4), ("turns", 1)], 1, 0, False),
    ([("lag", 15), ("scale", 6), ("turns", 20)], 2, 1, True),
    ([("turns", 1), ("turns", 1), ("turns", 18), ("edit", 0), ("lose", 0)], 2, 3, False),
    ([("scale", 1)], 1, 0, False),
    ([("lose", 0), ("rename", 0)], 4, 2, False),
    ([("rename", 0), ("turns", 25), ("rename", 0)], 2, 0, False),
    ([("rename", 0), ("push", 4), ("turns", 11), ("rename", 0)], 1, 2, False),
    ([("rename", 0), ("refuse", 1), ("turns", 25)], 2, 0, False),
    ([("rename", 0), ("pace", 1), ("leftover", 3), ("lose", 0)], 3, 2, False),
    ([("rename", 0), ("lose", 0), ("rename", 0)], 3, 2, False),
    ([("fall", 0), ("scale", 1), ("refuse", 1), ("strike", 2)], 3, 2, False),
    ([("push", 4), ("edit", 3), ("turns", 38)], 4, 1, False),
    ([("turns", 1), ("turns", 2), ("fall", 0), ("evict", 1)], 1, 1, False),
    ([("scale", 5), ("scale", 0)], 5, 2, False),
    ([("turns", 8), ("scale", 8), ("turns", 3), ("scale", 2), ("turns", 8)], 5, 1, False),
]
"""Events, turns before the push, actions before each death (0 for none), and whether an autoscaler scales the workload.

Each of them broke an invariant once.
"""


@pytest.mark.parametrize("history", HISTORIES, ids=str)
@pytest.mark.parametrize("name", ["canary", "plain", "blue-green by hand", "rolling"])
def test_histories_that_broke_an_invariant_break_none(name: str, history: tuple[list[Event], int, int, bool]) -> None:
    hold(name, *history)


@pytest.mark.parametrize("name", POLICIES)
@few
@given(events=st.lists(EVENTS, max_size=25), begin=st.integers(1, 5), crashes=st.integers(0, 3), autoscaled=st.booleans())
def test_no_history_breaks_an_invariant_and_every_one_ends(
    name: str,
    events: list[Event],
    begin: int,
    crashes: int,
    autoscaled: bool,  # noqa: FBT001 - drawn
) -> None:
    assume(not forgets_a_run(events))
    hold(name, events, begin, crashes, autoscaled=autoscaled)


def forgets_a_run(events: list[Event]) -> bool:
    """Whether a status is lost, the Service renamed, and the strategy replaced.

    A policy that rolls pod by pod never makes a second Service, so none is looked for.
    """
    return {"lose", "rename"} <= {kind for kind, _ in events} and ("edit", 2) in events


def begins_anew(events: list[Event]) -> bool:
    """Whether a status is lost while a commit renames the Service.

    The run that begins anew ends in the same place, but comes to rest on its way at another step after a death.
    """
    return {"lose", "rename"} <= {kind for kind, _ in events}


def hold(name: str, events: list[Event], begin: int, crashes: int, autoscaled: bool) -> None:  # noqa: FBT001 - a drawn value
    """Lives through a history, and checks the invariants at its end."""
    policy = POLICIES[name]()
    cluster = Cluster(policy=policy, autoscaled=autoscaled and not run(policy).plain)
    for event in [("turns", begin), ("push", 2), ("turns", 3), *events]:
        happen(cluster, event)
        if crashes:
            cluster.turn(crash_after=crashes)
    assert cluster.faults == []

    calm(cluster)

    assert cluster.faults == []
    assert not cluster.state.running
    assert (cluster.canary, cluster.baseline, cluster.service, cluster.share) == (None, None, False, Share())  # I6
    good = cluster.state.phase is Phase.IDLE
    assert good or cluster.state.rejects(cluster.head)
    assert cluster.primary == (cluster.head if good else cluster.state.stable)
    assert cluster.rest == cluster.head
    assert cluster.autoscaled or cluster.primary_pods == cluster.replicas
    before = cluster.persisted
    assert not cluster.turn()
    assert cluster.persisted == before  # I7


def calm(cluster: Cluster) -> None:
    """Ends all faults, and answers what waits for users."""
    cluster.broken, cluster.answer = frozenset(), Answer.SUCCESS
    cluster.lag, cluster.uptake, cluster.unlisted, cluster.linger, cluster.refused = 0, 0, 0, 0, False
    cluster.gate, cluster.barrier, cluster.pace = "", True, 0
    for _ in range(12):
        cluster.settle(turns=60)
        if not cluster.state.running:
            return
        if cluster.state.phase is Phase.PENDING or not cluster.replicas:
            cluster.replicas = 4  # one pod cannot be split without a surge, and none not at all
        cluster.command(CommandKind.RESUME)
        cluster.command(CommandKind.APPROVE)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("fails", [False, True])
def test_an_agent_killed_after_every_single_action_ends_the_same(name: str, *, fails: bool) -> None:
    ends = set()
    for kills in (False, True):
        cluster = Cluster(policy=POLICIES[name]())
        cluster.settle(turns=20)
        cluster.head = version(2)
        cluster.broken = frozenset({version(2).hash} if fails else ())
        quiet = 0
        for count in range(900):
            cluster.turn(crash_after=count % 5 if kills and count % 3 else None)
            cluster.tick(5)
            if cluster.state.stage == "Hold" and count % 10 == 0:
                cluster.command(CommandKind.APPROVE)
            quiet = (
                0 if cluster.state.running or cluster.head not in {cluster.state.stable, cluster.state.target} else quiet + 1
            )
            if quiet > 10:
                break
        assert cluster.faults == []
        ends.add((cluster.state.phase, cluster.primary, cluster.rest, cluster.canary, cluster.share, cluster.service))

    primary = version(1 if fails else 2)
    assert ends == {(Phase.HELD if fails else Phase.IDLE, primary, version(2), None, Share(), False)}


@pytest.mark.parametrize("name", POLICIES)
@few
@given(events=st.lists(EVENTS, max_size=15), action=st.integers(0, 5))
def test_a_death_after_any_action_leads_to_where_the_living_would_have_come(
    name: str, events: list[Event], action: int
) -> None:
    assume(not begins_anew(events))
    cluster = Cluster(policy=POLICIES[name]())
    for event in [("turns", 5), ("push", 2), *events]:
        happen(cluster, event)
    # What a dead agent does not measure it cannot know, and a deadline that has passed leaves it no time to come back.
    cluster.answer = Answer.SUCCESS
    entered = cluster.state.entered_at
    assume(entered is None or cluster.now < entered + cluster.policy.progress_deadline)
    other = deepcopy(cluster)

    at_rest(cluster)
    other.turn(crash_after=action)
    at_rest(other)

    assert _placed(other) == _placed(cluster)


@pytest.mark.parametrize("name", [name for name, made in POLICIES.items() if made().traffic.routes and not run(made()).rolling])
@given(events=st.lists(EVENTS, max_size=15))
def test_what_has_traffic_is_never_missing_from_what_the_cluster_should_look_like(name: str, events: list[Event]) -> None:
    cluster = Cluster(policy=POLICIES[name]())
    for event in [("turns", 5), ("push", 2), *(candidate for candidate in events if candidate[0] != "rename")]:
        happen(cluster, event)
        cluster.turn()
        state = cluster.state
        about = subject(cluster.policy if state.plan is None else load_policy(state.plan))
        declared = {(manifest.key.kind, manifest.key.name) for manifest in overlay(state, OLD, NEW, about).manifests}
        made = {("Service", "web-canary"), ("Deployment", canary_name("web", state.target.hash if state.target else ""))}

        if not (cluster.share.none and state.traffic.want.none):
            assert made <= declared, (state.phase, state.stage)
        if state.phase in {Phase.IDLE, Phase.HELD} and state.stable is not None:
            assert not [name for kind, name in declared if "-c-" in name or name == "web-canary"], (state.phase, declared)


def at_rest(cluster: Cluster) -> None:
    """Turns until nothing moves, while time and pods stand still."""
    for _ in range(60):
        before = (_placed(cluster), cluster.state.counters, len(cluster.measurements))
        cluster.turn()
        if (_placed(cluster), cluster.state.counters, len(cluster.measurements)) == before:
            return
    raise AssertionError(f"it never comes to rest: {replace(cluster.state, plan=None)}")


def _placed(cluster: Cluster) -> tuple[object, ...]:
    """Where everything stands, but for what was measured meanwhile."""
    sides = (cluster.primary, cluster.primary_pods, cluster.canary, cluster.canary_pods)
    live = {key: entry.seen.projection for key, entry in cluster.live.items()}
    return (replace(cluster.state, plan=None, counters=()), *sides, cluster.rest, cluster.share, live)
