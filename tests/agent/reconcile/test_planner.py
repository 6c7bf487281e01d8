from __future__ import annotations

import pytest

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.reconcile.planner import PlanMemo, Planner, trailer
from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.api.parse import parse
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.sync.planning.blast_radius import DependantCounter
from tests.agent.samples import HOME, Time, application_object
from tests.sync.samples import live, seen, thing, wanted


def test_a_trailer_is_one_only_in_the_last_paragraph() -> None:
    assert trailer("Tidy up\n\nSome words.\n\nReviewed-by: Ada\nGitops-Agent-Approve:  abc123 \n") == "abc123"
    assert trailer("Tidy up\n\nGitops-Agent-Approve: abc123\n\nand more words\n") is None
    assert trailer("Tidy up\n\ngitops-agent-approve:\n") is None
    assert trailer("") is None


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def planner(nowhere: Transport, clock: Time) -> Planner:
    """A planner without an API server: only the plan counts."""
    discovery = Discovery(nowhere)
    objects = Objects(nowhere, discovery)
    stores = build_stores(objects, WorkQueue())
    return Planner(stores, ClaimRegistry(), DependantCounter(objects, discovery, stores.live), HOME, clock=clock)


APPLICATION = parse(application_object())


def test_the_count_of_a_held_plan_expires_and_brings_the_application_back(planner: Planner, clock: Time) -> None:
    memo, snapshot = PlanMemo(), seen(*(live(thing("ConfigMap", f"item-{number}")) for number in range(8)))
    held = planner.plan(APPLICATION, wanted(), snapshot, memo)
    memo.follow(held, snapshot, rolling=False)
    counted_at, delay = memo.counted_at, planner.recount(memo)

    assert delay is not None
    clock.now += delay
    planner.plan(APPLICATION, wanted(), snapshot, memo)

    assert memo.counted_at > counted_at


def test_a_plan_that_is_not_held_needs_no_second_count(planner: Planner) -> None:
    memo, snapshot = PlanMemo(), seen()
    memo.follow(planner.plan(APPLICATION, wanted(thing("ConfigMap", "web")), snapshot, memo), snapshot, rolling=False)

    assert planner.recount(memo) is None
