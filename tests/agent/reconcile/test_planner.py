from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.reconcile.planner import PlanMemo, Planner
from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.api.parse import parse
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.marks import APPROVED, APPROVED_BY, claim
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.planning.blast_radius import DependantCounter
from tests.agent.samples import HOME, application_object
from tests.clock import Clock
from tests.sync.samples import REVISION, live, seen, thing, wanted


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def planner(nowhere: Transport, clock: Clock) -> Planner:
    """A planner without an API server: only the plan counts."""
    discovery = Discovery(nowhere)
    objects = Objects(nowhere, discovery)
    stores = build_stores(objects, WorkQueue())
    dependants = DependantCounter(objects, discovery, stores.live)
    return Planner(stores, ClaimRegistry(), dependants, HOME, clock=clock)


APPLICATION = parse(application_object())


def test_the_count_of_a_held_plan_expires_and_brings_the_application_back(planner: Planner, clock: Clock) -> None:
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


EIGHT = seen(*(live(thing("ConfigMap", f"item-{number}")) for number in range(8)))


def approving(planner: Planner) -> Desired:
    """A commit without objects whose trailer approves that plan."""
    held = planner.plan(APPLICATION, wanted(), EIGHT, PlanMemo())
    assert held.verdict.held
    return replace(wanted(), revision=replace(REVISION, message=f"Tidy up\n\nGitops-Agent-Approve: {held.hash}"))


def test_the_trailer_of_a_commit_approves_nothing_by_default_and_the_message_says_so(planner: Planner) -> None:
    verdict = planner.plan(APPLICATION, approving(planner), EIGHT, PlanMemo()).verdict

    assert verdict.held
    assert verdict.message.endswith("; the trailer of its commit does not approve it (sync.approval is annotation)")


def test_the_trailer_of_a_commit_approves_where_the_administrator_allows_it(planner: Planner) -> None:
    planner._trailers = True

    memo = PlanMemo()
    plan = planner.plan(APPLICATION, approving(planner), EIGHT, memo)
    memo.follow(plan, EIGHT, rolling=False)

    assert plan.verdict.approved
    assert memo.approved is not None
    assert (memo.approved.hash, memo.approved.via) == (plan.hash, "trailer")


def test_an_approval_keeps_its_hash_and_approver_while_its_deletions_are_done(planner: Planner) -> None:
    memo = PlanMemo()
    held = planner.plan(APPLICATION, wanted(), EIGHT, memo)
    marks = {APPROVED: held.hash, APPROVED_BY: claim(held.hash, "ada")}
    approved = parse(application_object(annotations=marks))
    memo.follow(planner.plan(approved, wanted(), EIGHT, memo), EIGHT, rolling=False)
    fewer = replace(EIGHT, objects=dict(list(EIGHT.objects.items())[:7]))

    rest = planner.plan(approved, wanted(), fewer, memo)
    memo.follow(rest, fewer, rolling=False)

    assert rest.verdict.approved
    assert rest.hash != held.hash
    assert memo.approval is not None
    assert (memo.approval.hash, memo.approval.by, len(memo.approval.deletions)) == (held.hash, "ada", 7)
    assert memo.approved == memo.approval


def test_what_an_earlier_application_of_the_name_left_behind_is_not_inherited(nowhere: Transport) -> None:
    discovery = Discovery(nowhere)
    objects = Objects(nowhere, discovery)
    stores = build_stores(objects, WorkQueue())
    planner = Planner(stores, ClaimRegistry(), DependantCounter(objects, discovery, stores.live), HOME)
    authority = stores.live.authority
    assert authority is not None
    authority.use(b"k" * 32)
    raw = application_object()
    stores.applications.put(raw)
    for name, uid in (("mine", raw["metadata"]["uid"]), ("left", "uid of an earlier one")):
        item = live(thing("ConfigMap", name))
        stores.live.put(replace(item, seal=authority.seal(item.key, APPLICATION.key, uid)))

    snapshot = planner.snapshot(APPLICATION.key, wanted())

    owners = {key.name: (live_object.owner, live_object.claimed) for key, live_object in snapshot.objects.items()}
    assert owners == {"mine": (APPLICATION.key, None), "left": (None, APPLICATION.key)}


def test_the_approval_of_a_commit_outlasts_the_first_deletions_of_its_rollout(planner: Planner) -> None:
    names = [f"item-{number}" for number in range(8)]
    memo, snapshot = PlanMemo(), seen(*(live(thing("ConfigMap", name)) for name in names))
    declared = wanted(thing("ConfigMap", "web"))
    whole = planner.plan(APPLICATION, declared, snapshot, memo)
    memo.approval = whole.approval()
    partly = replace(declared, kept=frozenset({ObjectKey("", "ConfigMap", "shop", "item-0")}))

    memo.follow(planner.plan(APPLICATION, partly, snapshot, memo), snapshot, rolling=True)

    assert memo.approval == whole.approval()
