from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.api.sync_options import DeletionGuard, SyncMode
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.planning.deletion_guard import Dependants, GuardVerdict, budget, judge
from gitops_agent.sync.planning.policy import BudgetUse
from tests.sync.samples import creations, deletions, key, thing

CRD = key("CustomResourceDefinition", "widgets.example.com")
NAMESPACE = key("Namespace", "shop")
TENANT = key("Application", "tenant")


def verdict(*keys: ObjectKey, **options: Any) -> GuardVerdict:
    settings: dict[str, Any] = {
        "guard": DeletionGuard(),
        "mode": SyncMode.AUTO,
        "live": 20,
        "empty": False,
        "dependants": {},
        "approved": False,
        **options,
    }
    return judge(deletions(*keys), **settings)


def maps(count: int) -> list[ObjectKey]:
    return [key("ConfigMap", f"m{number:02}") for number in range(count)]


@pytest.mark.parametrize(("live", "expected"), [(0, 5), (10, 5), (59, 5), (60, 6), (100, 10)])
def test_the_budget_is_the_larger_of_number_and_percentage(live: int, expected: int) -> None:
    assert budget(DeletionGuard(max_objects=5, max_percent=10), live) == expected


def test_deletions_within_the_budget_pass() -> None:
    assert not verdict(*maps(5)).held


def test_one_deletion_more_is_held_with_the_numbers_and_names() -> None:
    judgement = verdict(*maps(6))
    assert judgement.held
    assert judgement.reason == "HeldForApproval"
    assert judgement.message.startswith("6 objects would go, more than the budget of 5: ConfigMap:shop/m00, ")
    assert judgement.message.endswith(" and 1 more")


def test_an_approved_plan_passes_and_says_that_it_was_approved() -> None:
    judgement = verdict(*maps(6), approved=True)
    assert (judgement.held, judgement.approved, judgement.reason) == (False, True, "HeldForApproval")


def test_a_plan_without_objections_is_not_called_approved() -> None:
    assert not verdict(*maps(1), approved=True).approved


@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "PersistentVolume"])
def test_protected_kinds_are_held_even_alone(kind: str) -> None:
    assert "protected kinds would be deleted" in verdict(key(kind, "data")).message


def test_a_protected_kind_may_name_its_group() -> None:
    guard = DeletionGuard(protected_kinds=("apps/Deployment",))
    assert verdict(key("Deployment", "web"), guard=guard).held
    assert not verdict(key("ConfigMap", "web"), guard=guard).held


UNPROTECTED = DeletionGuard(protected_kinds=())


def test_custom_resources_that_go_with_their_crd_count() -> None:
    judgement = verdict(CRD, guard=UNPROTECTED, dependants={CRD: Dependants(total=100, samples=("Widget:shop/one",))})
    assert judgement.held
    assert "101 objects would go, 100 of them along with others" in judgement.message
    assert "holds 100 objects this application does not declare: Widget:shop/one" in judgement.message


@pytest.mark.parametrize("target", [CRD, NAMESPACE, TENANT])
def test_what_was_not_counted_is_held(target: ObjectKey) -> None:
    assert f"what goes along with {target} was not counted" in verdict(target, guard=UNPROTECTED).message


def test_what_cannot_be_seen_in_full_is_held() -> None:
    judgement = verdict(NAMESPACE, guard=UNPROTECTED, dependants={NAMESPACE: Dependants(cannot_see=("metrics.k8s.io",))})
    assert judgement.message == f"what goes along with {NAMESPACE} cannot be seen in full: metrics.k8s.io"


def test_an_empty_namespace_that_is_not_protected_may_go() -> None:
    assert not verdict(NAMESPACE, guard=UNPROTECTED, dependants={NAMESPACE: Dependants()}).held


def test_all_that_is_under_an_application_counts_to_the_budget() -> None:
    assert not verdict(TENANT, dependants={TENANT: Dependants(total=4)}).held
    assert verdict(TENANT, dependants={TENANT: Dependants(total=5)}).held


def test_an_empty_render_is_held_whatever_the_budget() -> None:
    judgement = verdict(*maps(1), empty=True, guard=DeletionGuard(max_objects=1000))
    assert (judgement.held, judgement.reason) == (True, "EmptyRender")


def test_an_empty_render_of_an_application_without_objects_is_nothing_to_hold() -> None:
    assert not verdict(empty=True, live=0).held


def test_in_mode_manual_changes_wait_and_repairs_do_not() -> None:
    settings: dict[str, Any] = {"guard": DeletionGuard(), "live": 1, "empty": False, "dependants": {}, "approved": False}
    actions = creations([thing("ConfigMap", "web")])
    assert judge(actions, mode=SyncMode.MANUAL, **settings).reason == "AwaitingApproval"
    assert not judge([], mode=SyncMode.MANUAL, **settings).held


def test_in_mode_manual_repairs_of_drift_do_not_wait() -> None:
    settings: dict[str, Any] = {"guard": DeletionGuard(), "live": 1, "empty": False, "dependants": {}, "approved": False}
    repairs = [replace(action, kind=ActionKind.UPDATE, drift=True) for action in creations([thing("ConfigMap", "web")])]

    assert not judge(repairs, mode=SyncMode.MANUAL, **settings).held


@pytest.mark.parametrize("mode", [SyncMode.AUTO, SyncMode.MANUAL])
def test_steps_of_a_rollout_are_neither_counted_nor_held(mode: SyncMode) -> None:
    settings: dict[str, Any] = {"guard": DeletionGuard(), "live": 20, "empty": False, "dependants": {}, "approved": False}
    steps = [replace(action, rollout=True) for action in [*deletions(*maps(9)), *creations([thing("ConfigMap", "copy")])]]

    judgement = judge(steps, mode=mode, **settings)

    assert (judgement.held, judgement.blast.total) == (False, 0)


def test_a_spent_budget_over_all_applications_holds_deletions_only() -> None:
    settings: dict[str, Any] = {"guard": DeletionGuard(), "mode": SyncMode.AUTO, "live": 20, "empty": False}
    spent = BudgetUse(spent=50, applications=2, budget=50, window_seconds=600)

    def held(actions: list[Action]) -> bool:
        return judge(actions, dependants={}, approved=False, over_budget=spent, **settings).held

    assert held(deletions(*maps(1)))
    assert not held(creations([thing("ConfigMap", "web")]))


def test_every_objection_is_reported() -> None:
    judgement = verdict(*maps(6), CRD, key("PersistentVolumeClaim", "data"))
    assert len(judgement.message.split("; ")) == 3


def test_the_blast_radius_counts_every_object_and_what_hangs_under_it() -> None:
    under = Dependants(total=3, samples=("Widget:shop/one", "Widget:shop/two"))
    blast = verdict(CRD, *maps(7), dependants={CRD: under}).blast
    assert blast.total == 11


def test_held_and_waiting_actions_take_nothing_away() -> None:
    actions = deletions(*maps(9))
    waiting = [type(action)(kind=ActionKind.WAIT, key=action.key, live=action.live, intent=action.intent) for action in actions]
    settings: dict[str, Any] = {"guard": DeletionGuard(), "live": 1, "empty": False, "dependants": {}, "approved": False}
    assert judge(waiting, mode=SyncMode.AUTO, **settings).blast.total == 0


def blind(*keys: ObjectKey) -> list[Action]:
    """Deletions that wait because their kind cannot be listed."""
    return [replace(action, kind=ActionKind.WAIT, reason="CannotSee") for action in deletions(*keys)]


def test_deletions_that_wait_for_a_kind_to_be_seen_count_to_the_budget() -> None:
    secrets = [key("Secret", f"s{number}") for number in range(4)]
    settings: dict[str, Any] = {"guard": DeletionGuard(), "mode": SyncMode.AUTO, "live": 20, "empty": False}

    judgement = judge([*deletions(*maps(4)), *blind(*secrets)], dependants={}, approved=False, **settings)

    assert judgement.held
    assert judgement.message.startswith(
        "8 objects would go, 4 of them once their kind can be listed, more than the budget of 5: "
    )


def test_deletions_that_all_wait_for_their_kind_hold_nothing_else() -> None:
    settings: dict[str, Any] = {"guard": DeletionGuard(), "mode": SyncMode.AUTO, "live": 20, "empty": False}

    assert not judge(blind(*maps(8)), dependants={}, approved=False, **settings).held


def test_what_waits_to_be_created_does_not_count_to_the_budget() -> None:
    settings: dict[str, Any] = {"guard": DeletionGuard(), "mode": SyncMode.AUTO, "live": 20, "empty": False}
    unseen = creations([thing("Secret", f"s{number}") for number in range(8)])
    waiting = [replace(action, kind=ActionKind.WAIT, reason="CannotSee") for action in unseen]

    assert not judge([*deletions(*maps(1)), *waiting], dependants={}, approved=False, **settings).held
