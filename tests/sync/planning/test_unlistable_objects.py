from __future__ import annotations

from gitops_agent.manifest.key import GroupKind
from gitops_agent.sync.planning.plan import plan
from gitops_agent.sync.planning.policy import PlanPolicy
from gitops_agent.sync.planning.unlistable_objects import from_json, record, to_json, unlistable
from tests.sync.samples import key, live, seen, thing, wanted

SECRET, CONFIG_MAP = GroupKind("", "Secret"), GroupKind("", "ConfigMap")
BLIND = {SECRET: "forbidden"}


def test_objects_of_a_kind_that_is_refused_since_the_start_count_to_the_budget() -> None:
    maps = [live(thing("ConfigMap", f"m{number}")) for number in range(4)]
    policy = PlanPolicy(recorded={CONFIG_MAP: 5, SECRET: 4})

    verdict = plan(wanted(thing("ConfigMap", "kept")), seen(*maps, cannot_see=BLIND), policy).verdict

    assert verdict.held
    assert "8 objects would go, 4 of them once their kind can be listed (Secret), more than the budget of 5" in verdict.message


def test_a_kind_that_is_refused_counts_only_what_is_neither_declared_nor_live() -> None:
    known = [key("Secret", "declared"), key("Secret", "live"), key("ConfigMap", "other")]

    assert unlistable({SECRET: 4, CONFIG_MAP: 9}, BLIND, known) == {SECRET: 2}
    assert unlistable({SECRET: 2}, BLIND, known) == {}


def test_a_plan_that_deletes_nothing_is_not_held_for_a_kind_that_is_refused() -> None:
    policy = PlanPolicy(recorded={SECRET: 40})

    assert not plan(wanted(thing("ConfigMap", "new")), seen(cannot_see=BLIND), policy).verdict.held


def test_the_record_follows_what_is_listed_and_keeps_what_is_not() -> None:
    before, now = {SECRET: 4, CONFIG_MAP: 4}, [key("ConfigMap", "one")]

    assert record(before, now, cannot_see=BLIND, complete=True) == {CONFIG_MAP: 1, SECRET: 4}
    assert record(before, now, cannot_see={}, complete=False) == before
    assert record(before, now, cannot_see={}, complete=True) == {CONFIG_MAP: 1}


def test_a_record_survives_in_a_status() -> None:
    recorded = {SECRET: 4, GroupKind("apps", "Deployment"): 2}

    assert to_json(recorded) == {"Secret": 4, "apps/Deployment": 2}
    assert from_json(to_json(recorded)) == recorded
    assert from_json({"Secret": "many", "ConfigMap": 0}) == {}
    assert from_json(None) == {}
