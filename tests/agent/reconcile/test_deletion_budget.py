from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_agent.agent.reconcile.deletion_budget import (
    BudgetLimits,
    DeletionBudget,
    RecentDeletions,
    Removal,
    recent_of,
    removals,
)
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.work_queue import Priority
from gitops_agent.manifest.key import AppKey
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.plan import plan
from gitops_agent.sync.planning.policy import BudgetUse, PlanPolicy
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import application_object, config_map, key
from tests.clock import Clock
from tests.sync.samples import key as object_key
from tests.sync.samples import live, seen, thing, wanted

SHOP, BANK = key("shop"), key("bank")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LIMITS = BudgetLimits(objects=10, percent=10, window_seconds=600)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def applications() -> ApplicationStore:
    def wake(application: AppKey, why: str, priority: Priority) -> None:
        del application, why, priority

    return ApplicationStore(wake)


@pytest.fixture
def budget(applications: ApplicationStore, clock: Clock) -> DeletionBudget:
    start = clock.now
    return DeletionBudget(applications, LIMITS, clock=clock, now=lambda: NOW + timedelta(seconds=clock.now - start))


def some(count: int, prefix: str = "m") -> dict[Removal, int]:
    return {(object_key("ConfigMap", f"{prefix}{number}"), "uid"): 1 for number in range(count)}


def test_many_small_deletions_are_one_large_one(budget: DeletionBudget) -> None:
    assert budget.reserve(SHOP, some(6, "s"), live=0) is None

    use = budget.reserve(BANK, some(5, "b"), live=0)

    assert use == BudgetUse(spent=6, applications=1, budget=10, window_seconds=600)
    assert budget.reserve(BANK, some(4, "b"), live=0) is None


def test_an_object_counts_once_however_often_it_is_planned(budget: DeletionBudget) -> None:
    for _ in range(5):
        assert budget.reserve(SHOP, some(10), live=0) is None


def test_deletions_are_forgotten_after_the_window(budget: DeletionBudget, clock: Clock) -> None:
    budget.reserve(SHOP, some(10, "s"), live=0)
    clock.now += 599
    assert budget.reserve(BANK, some(1, "b"), live=0) is not None

    clock.now += 1

    assert budget.reserve(BANK, some(1, "b"), live=0) is None
    assert budget.recent(SHOP) is None


def test_the_budget_grows_with_the_cluster_and_is_never_less_than_the_application_s_own(budget: DeletionBudget) -> None:
    assert budget.reserve(SHOP, some(11), live=109, dry_run=True) is not None
    assert budget.reserve(SHOP, some(11), live=110, dry_run=True) is None
    assert budget.reserve(SHOP, some(11), live=0, own=11, dry_run=True) is None


def test_a_dry_run_counts_nothing(budget: DeletionBudget) -> None:
    budget.reserve(SHOP, some(10), live=0, dry_run=True)

    assert budget.use(0).spent == 0


def status(count: int, at: str) -> dict[str, Any]:
    return {"sync": {"deletions": {"count": count, "at": at}}}


def test_a_restart_goes_on_counting(applications: ApplicationStore, budget: DeletionBudget, clock: Clock) -> None:
    applications.put(application_object("shop") | {"status": status(8, "2026-05-04T11:59:00Z")})
    applications.put(application_object("bank") | {"status": status(50, "2026-05-04T11:00:00Z")})

    assert budget.use(0).spent == 8
    assert budget.recent(SHOP) == RecentDeletions(count=8, at=NOW - timedelta(minutes=1))
    clock.now += 540
    assert budget.use(0).spent == 0


@pytest.mark.parametrize("broken", [{}, {"sync": None}, status(1, "yesterday"), {"sync": {"deletions": []}}])
def test_a_status_without_counts_restores_nothing(broken: dict[str, Any]) -> None:
    assert recent_of({"status": broken}) is None


def test_what_is_removed_with_an_application_counts_one_by_one() -> None:
    child, inner = live(thing("Application", "child", namespace="gitops-system")), object_key("ConfigMap", "inner")
    under = Dependants(total=3, objects=((inner, "uid"),))

    counted = removals(plan(wanted(), seen(child), PlanPolicy(application_deleting=True), dependants={child.key: under}))

    assert counted == {(child.key, child.uid): 3, (inner, "uid"): 1}


def test_a_held_plan_removes_nothing() -> None:
    maps = [live(thing("ConfigMap", f"m{number}")) for number in range(8)]

    assert removals(plan(wanted(), seen(*maps), PlanPolicy())) == {}


def test_a_generated_object_that_a_newer_one_succeeds_is_no_deletion() -> None:
    old, other = live(thing("ConfigMap", "web-2m5t97hk8d")), live(thing("ConfigMap", "api-2m5t97hk8d"))
    plain = live(thing("ConfigMap", "web"))

    counted = removals(plan(wanted(thing("ConfigMap", "web-9bk4cg7t2f")), seen(old, other, plain), PlanPolicy()))

    assert counted == {(other.key, other.uid): 1, (plain.key, plain.uid): 1}


NAMES = ("a", "b", "c", "d", "e", "f")


@pytest.mark.cluster
def test_applications_that_delete_little_each_are_held_together_until_approved(world: ClusterEnv) -> None:
    files = {f"{name}/{name}{number}.yaml": config_map(f"{name}{number}") for name in NAMES for number in range(5)}
    files |= {f"{name}/stays.yaml": config_map(f"{name}-stays") for name in NAMES}
    first = world.commit(files)
    for name in NAMES:
        world.create(name)
    for name in NAMES:
        world.await_synced(name, first)

    second = world.commit({name: text for name, text in files.items() if name.endswith("stays.yaml")})

    world.until(lambda: {world.ready(name)[1] for name in NAMES} == {"Synced", "HeldForApproval"}, "some are held")
    world.until(lambda: all(world.state(name).applied == second or held(world, name) for name in NAMES), "all are decided")
    waiting = [name for name in NAMES if held(world, name)]
    assert len(waiting) == 2
    assert "5 objects would go after 20 of 4 Applications within 10m" in world.says(waiting[0])
    plan_hash = world.status(waiting[0])["sync"]["plan"]
    assert world.status(waiting[0])["sync"]["overBudget"] == plan_hash
    assert f"gitops-agent approve {waiting[0]} {plan_hash[:12]}" in world.says(waiting[0])
    assert world.data(f"{waiting[0]}0") is not None

    world.annotate(waiting[0], approved_plan=plan_hash)

    world.await_synced(waiting[0], second)
    assert world.data(f"{waiting[0]}0") is None
    assert world.ready(waiting[1])[1] == "HeldForApproval"
    done = next(name for name in NAMES if name not in waiting)
    assert world.status(done)["sync"]["deletions"]["count"] == 5


def held(world: ClusterEnv, name: str) -> bool:
    return world.ready(name)[1] == "HeldForApproval"
