from __future__ import annotations

from dataclasses import replace

from gitops_agent.agent.desired.prune_barrier import Absence
from gitops_agent.agent.reconcile.restrictions import defer_deletions, hold_back, leave_behind, only, without
from gitops_agent.manifest.key import AppKey
from gitops_agent.sync.action import ActionKind
from gitops_agent.sync.planning.plan import Plan
from tests.sync.samples import APP, REVISION, creations, deletions, key, kinds, thing

ONE, TWO = key("ConfigMap", "one"), key("ConfigMap", "two")
GONE = key("ConfigMap", "gone")
ABSENCE = Absence(application=AppKey("gitops-system", "desk"), why="has not loaded it yet", lasting=False)


def plan() -> Plan:
    actions = (*creations([thing("ConfigMap", "one"), thing("ConfigMap", "two")]), *deletions(GONE))
    return Plan(application=APP, revision=REVISION, actions=actions, hash="h")


def test_what_is_not_allowed_is_skipped_with_the_reason() -> None:
    paused = only(plan(), lambda action: action.key == ONE, "paused")

    assert kinds(paused) == {str(ONE): "create", str(TWO): "skip", str(GONE): "skip"}
    assert {action.message for action in paused.actions if action.kind is ActionKind.SKIP} == {"paused"}
    assert [action.intent for action in paused.actions] == [ActionKind.CREATE, ActionKind.CREATE, ActionKind.DELETE]


def test_a_plan_that_is_wholly_allowed_stays_the_same() -> None:
    whole = plan()

    assert only(whole, lambda _: True, "paused") is whole


def test_only_rollouts_go_on_where_others_are_refused() -> None:
    whole = plan()
    rolled = replace(whole, actions=(replace(whole.actions[0], rollout=True), *whole.actions[1:]))

    restricted, held = hold_back(rolled)
    unanswered, _ = hold_back(rolled, answered=False)

    assert kinds(restricted) == {str(ONE): "create", str(TWO): "skip", str(GONE): "skip"}
    assert held == {TWO, GONE}
    assert "other objects of this revision are refused" in restricted.actions[-1].message
    assert "the API server did not answer the dry run" in unanswered.actions[-1].message


def test_deletions_wait_and_nothing_else_does() -> None:
    deferred = defer_deletions(plan(), ABSENCE)

    assert kinds(deferred) == {str(ONE): "create", str(TWO): "create", str(GONE): "wait"}
    assert (
        deferred.actions[-1].message == "waits for Application desk, which has not loaded it yet: it may take this object over"
    )


def test_the_deletions_of_a_rollout_do_not_wait() -> None:
    whole = plan()
    rolled = replace(whole, actions=tuple(replace(action, rollout=True) for action in whole.actions))

    assert kinds(defer_deletions(rolled, ABSENCE)) == kinds(rolled)
    assert kinds(leave_behind(rolled, ABSENCE)) == kinds(rolled)


def test_what_another_application_may_declare_is_kept_with_the_command_that_deletes_it() -> None:
    kept = leave_behind(plan(), ABSENCE)

    assert kinds(kept) == {str(ONE): "create", str(TWO): "create", str(GONE): "skip"}
    assert kept.actions[-1].reason == "MayMove"
    assert kept.actions[-1].message == (
        "kept, because Application desk has not loaded it yet and may declare it; "
        f"to delete it now: gitops-agent approve {APP.name} {kept.hash[:12]}"
    )


def test_a_refused_object_waits() -> None:
    assert kinds(without(plan(), {ONE})) == {str(ONE): "wait", str(TWO): "create", str(GONE): "delete"}
