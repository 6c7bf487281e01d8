from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.agent.reconcile.apply_result import ApplyResult, build_result
from gitops_agent.errors import AgentError, Throttled, UnknownKind
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.executor import Outcome, Result
from gitops_agent.sync.apply.plan_walker import Waiting
from gitops_agent.sync.ordering.graph import Until
from gitops_agent.sync.planning.deletion_guard import GuardVerdict
from gitops_agent.sync.planning.plan import Plan
from tests.sync.samples import APP, REVISION, creations, deletions, key, thing

ONE, TWO, GONE = key("ConfigMap", "one"), key("ConfigMap", "two"), key("ConfigMap", "gone")
BOTH = tuple(creations([thing("ConfigMap", "one"), thing("ConfigMap", "two")]))


def plan(*actions: Action, **fields: Any) -> Plan:
    return Plan(application=APP, revision=REVISION, actions=actions or BOTH, hash="h", **fields)


def done(*actions: Action, failed: AgentError | None = None) -> Result:
    return Result(
        outcomes=tuple(Outcome(key=action.key, kind=action.kind, ok=failed is None, error=failed) for action in actions)
    )


def result(made: Plan, result: Result, ran: Plan | None = None, **fields: Any) -> ApplyResult:
    return build_result(
        made, ran or made, result, fields.pop("refused", {}), terminating=fields.pop("terminating", ()), **fields
    )


def test_a_plan_that_ran_is_synced() -> None:
    applied = result(plan(), done(*BOTH))

    assert (applied.synced, applied.in_sync, applied.problems, applied.retry) == (True, 2, (), None)


def test_a_held_plan_is_not_synced_and_says_why() -> None:
    applied = result(plan(verdict=GuardVerdict(held=True, message="7 objects would go")), done(*BOTH))

    assert (applied.synced, applied.held) == (False, "7 objects would go")


def test_a_failure_names_its_file_and_is_retried() -> None:
    applied = result(plan(), done(BOTH[0], failed=AgentError("no such field", reason="Invalid", transient=False)))

    assert [(problem.key, problem.reason, problem.message) for problem in applied.problems] == [
        (ONE, "Invalid", "all.yaml: no such field")
    ]
    assert (applied.retry, applied.in_sync, applied.synced) == (0.0, 0, False)


def test_what_was_written_beside_a_failure_that_may_pass_is_an_advance() -> None:
    def advanced(error: AgentError, *, changed: bool) -> bool:
        good = replace(done(BOTH[0]).outcomes[0], changed=changed)
        outcomes = (good, *done(BOTH[1], failed=error).outcomes)
        return result(plan(), Result(outcomes=outcomes)).advanced

    assert advanced(Throttled("slow down", status=429), changed=True)
    assert not advanced(Throttled("slow down", status=429), changed=False)
    assert not advanced(AgentError("no such field", reason="Invalid"), changed=True)


def test_a_server_that_asks_for_patience_gets_it() -> None:
    assert result(plan(), done(BOTH[0], failed=Throttled("slow down", status=429, retry_after=17.0))).retry == 17.0


def test_a_kind_that_is_not_served_yet_is_awaited() -> None:
    error = UnknownKind("the cluster knows no Widget", group="example.com", kind="Widget")
    applied = result(plan(), done(BOTH[0], failed=error))

    assert applied.awaited == {"UnknownKind"}
    assert applied.waiting == f"{ONE}: all.yaml: the cluster knows no Widget"


def test_what_waits_in_the_plan_is_counted_in_words() -> None:
    waits = tuple(replace(action, kind=ActionKind.WAIT, message="waits for its CRD") for action in BOTH)

    assert result(plan(*waits), Result()).waiting == f"{ONE}: waits for its CRD (and 1 more)"
    assert (
        result(plan(), Result(waiting=(Waiting(key=ONE, on=TWO, until=Until.HEALTHY, why="two"),))).waiting
        == f"{ONE} waits for two"
    )


def test_an_object_on_its_way_out_keeps_the_rest_from_being_synced() -> None:
    (delete,) = deletions(GONE)
    applied = result(plan(delete), done(delete), terminating=(delete,))

    assert not applied.synced
    assert [(problem.key, problem.reason) for problem in applied.problems] == [(GONE, "Terminating")]


def test_an_object_that_is_held_back_and_does_not_exist_is_missing() -> None:
    held = tuple(replace(action, kind=ActionKind.SKIP, message="others are refused") for action in BOTH)
    refused = {ONE: AgentError("no such field", reason="Invalid", transient=False)}
    applied = result(plan(), Result(), plan(*held), refused=refused, held_back={ONE, TWO})

    assert [(problem.key, problem.reason) for problem in applied.problems] == [(ONE, "Invalid"), (TWO, "Missing")]


def test_drift_that_is_left_alone_is_a_problem() -> None:
    drifted = replace(BOTH[0], kind=ActionKind.SKIP, intent=ActionKind.UPDATE, drift=True, reason="SelfHealOff")
    applied = result(plan(drifted), Result())

    assert applied.drifted == 1
    assert [problem.reason for problem in applied.problems] == ["SelfHealOff"]
    assert applied.fought == frozenset()


def test_an_object_that_others_change_back_is_named_as_fought() -> None:
    drifted = replace(BOTH[0], kind=ActionKind.UPDATE, intent=ActionKind.UPDATE, drift=True)
    left = replace(drifted, kind=ActionKind.SKIP, reason="Fighting", message="hpa keeps changing /spec")
    applied = result(plan(drifted), Result(), plan(left))

    assert applied.fought == {ONE}
    assert [problem.message for problem in applied.problems] == ["hpa keeps changing /spec"]


@pytest.mark.parametrize("reason", ["PruningOff", "PruneDisabled"])
def test_an_object_that_is_left_behind_is_named_and_keeps_nothing_from_being_synced(reason: str) -> None:
    (left,) = (replace(deletion, kind=ActionKind.SKIP, intent=ActionKind.SKIP, reason=reason) for deletion in deletions(GONE))
    applied = result(plan(left), Result())

    assert applied.synced
    assert [(problem.key, problem.reason) for problem in applied.problems] == [(GONE, reason)]


def test_a_rest_of_another_tool_is_removed_by_the_next_plan() -> None:
    assert [requeue.reason for requeue in ApplyResult(inherits=True).requeue] == [
        "another tool left fields on what was taken over"
    ]
