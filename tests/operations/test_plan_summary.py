from __future__ import annotations

from gitops_agent.operations.plan_summary import plan_summary
from tests.sync.planning.test_plan import EDITED, OLD, WEB, planned
from tests.sync.samples import live


def test_a_plan_is_counted_by_what_it_does() -> None:
    plan = planned(WEB, EDITED, there=[OLD[0]])

    assert plan_summary(plan) == f"plan {plan.hash[:12]}: 2 to create, 1 to delete"


def test_a_plan_without_changes_names_what_is_as_declared() -> None:
    plan = planned(WEB, there=[live(WEB)])

    assert plan_summary(plan) == f"no differences: 1 objects are as {plan.revision.short} declares"
