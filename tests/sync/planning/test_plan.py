from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from gitops_agent.api.sync_options import DeletionGuard, SyncMode
from gitops_agent.manifest.key import Object
from gitops_agent.sync.action import ActionKind
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.planning.deletion_guard import CONTAINERS, Dependants, GuardVerdict
from gitops_agent.sync.planning.plan import Approval, Plan, PlanPolicy, plan
from gitops_agent.sync.planning.policy import fingerprint
from tests.sync.samples import APP, OTHER, crd, executed, key, kinds, live, seen, thing, wanted, workload

OLD = [live(thing("ConfigMap", f"old{number}")) for number in range(10)]
WEB = thing("ConfigMap", "web", data={"a": "1"})
EDITED = thing("ConfigMap", "edited", data={"a": "1"})
DRIFT = live(EDITED, projection="edited by hand")


def planned(*objects: Object, there: list[LiveObject] | None = None, policy: PlanPolicy | None = None, **rest: Any) -> Plan:
    dependants = rest.pop("dependants", None)
    return plan(wanted(*objects), seen(*there or [], **rest), policy or PlanPolicy(), dependants=dependants)


def test_a_plan_creates_updates_keeps_and_deletes() -> None:
    changed = live(thing("ConfigMap", "changed", data={"a": "0"}))
    made = planned(WEB, EDITED, thing("ConfigMap", "changed", data={"a": "1"}), there=[live(WEB), changed, OLD[0]])
    assert kinds(made) == {
        "ConfigMap:shop/changed": "update",
        "ConfigMap:shop/edited": "create",
        "ConfigMap:shop/web": "unchanged",
        "ConfigMap:shop/old0": "delete",
    }
    assert Counter(action.kind for action in made.actions) == {
        ActionKind.UPDATE: 1,
        ActionKind.CREATE: 1,
        ActionKind.UNCHANGED: 1,
        ActionKind.DELETE: 1,
    }
    assert [change.key.name for change in made.changes()] == ["changed", "edited", "old0"]
    assert made.writes == made.changes()
    assert not made.is_empty


def test_a_plan_after_its_execution_is_empty() -> None:
    first = planned(WEB, workload("Deployment", "web"), there=[OLD[0]])
    second = plan(wanted(WEB, workload("Deployment", "web")), executed(first, seen(OLD[0])), PlanPolicy())
    assert second.is_empty
    assert second.changes() == ()


def test_objects_of_other_applications_are_left_out_and_the_others_are_applied() -> None:
    result = planned(WEB, EDITED, there=[live(WEB, owner=OTHER)])
    assert [(action.key.name, action.kind.value) for action in result.writes] == [("edited", "create")]
    left = [action.key.name for action in result.changes() if action.reason == "OwnedByAnother"]
    assert left == ["web"]


def test_an_object_that_another_application_holds_is_left_out_and_not_deleted() -> None:
    desired = replace(wanted(WEB, EDITED), contested={key("ConfigMap", "web"): OTHER})
    result = plan(desired, seen(live(WEB)), PlanPolicy())
    (left,) = (action for action in result.actions if action.key.name == "web")
    assert (left.kind.value, left.reason) == ("skip", "OwnedByAnother")
    assert left.message == "declared in all.yaml (document 1), but already by Application gitops-system/bank"
    assert [action.key.name for action in result.writes] == ["edited"]


def test_a_namespace_that_holds_an_object_that_was_left_out_stays() -> None:
    desired = replace(wanted(WEB), contested={key("ConfigMap", "web"): OTHER})
    result = plan(desired, seen(live(thing("Namespace", "shop"))), PlanPolicy(guard=DeletionGuard(protected_kinds=())))
    assert {action.reason for action in result.actions} == {"OwnedByAnother", "StillInUse"}


def test_what_the_account_may_not_delete_neither_holds_nor_fails_the_plan() -> None:
    keys = frozenset(old.key for old in OLD)
    result = plan(wanted(WEB), seen(*OLD), PlanPolicy(undeletable=keys))
    assert not result.verdict.held
    assert [action.key.name for action in result.writes] == ["web"]
    (warning,) = result.warnings
    assert warning.endswith("and 7 more: no longer declared, but the Application's account may not delete them")


def test_skipped_objects_are_in_the_plan_with_their_reason() -> None:
    made = planned(WEB, thing("Job", "migrate", annotations={"helm.sh/hook": "test"}))
    (action,) = (action for action in made.actions if action.key == key("Job", "migrate"))
    assert (action.kind, action.reason) == (ActionKind.SKIP, "HookNotRun")


def test_hooks_are_no_actions_and_part_of_what_is_approved() -> None:
    hook = thing("Job", "migrate", annotations={"helm.sh/hook": "pre-install"})
    made = planned(WEB, hook)
    assert [action.key.name for action in made.actions] == ["web"]
    assert [hook_manifest.key.name for hook_manifest in made.hooks] == ["migrate"]
    assert made.hash not in (planned(WEB).hash, planned(WEB, {**hook, "spec": {"suspend": True}}).hash)


def test_the_object_of_a_hook_is_pruned_with_its_application_only() -> None:
    there = [live(WEB), live(thing("Job", "migrate"), hook_run="abc")]
    assert kinds(planned(WEB, there=there)) == {"ConfigMap:shop/web": "unchanged"}
    gone = planned(there=there, policy=PlanPolicy(application_deleting=True, guard=DeletionGuard(max_objects=9)))
    assert kinds(gone) == {"ConfigMap:shop/web": "delete", "batch/Job:shop/migrate": "delete"}


def test_in_mode_observe_nothing_is_written_and_everything_is_reported() -> None:
    made = planned(WEB, EDITED, there=[DRIFT, *OLD], policy=PlanPolicy(mode=SyncMode.OBSERVE))
    assert made.writes == ()
    assert not made.verdict.held
    assert {action.reason for action in made.actions} == {"Observing"}
    assert len(made.changes()) == 12


def test_in_mode_manual_changes_wait_for_approval_and_drift_does_not() -> None:
    made = planned(WEB, EDITED, there=[DRIFT], policy=PlanPolicy(mode=SyncMode.MANUAL))
    assert (made.verdict.held, made.verdict.reason) == (True, "AwaitingApproval")
    assert kinds(made) == {"ConfigMap:shop/web": "hold", "ConfigMap:shop/edited": "update"}
    approved = planned(WEB, EDITED, there=[DRIFT], policy=PlanPolicy(mode=SyncMode.MANUAL, approved=made.hash))
    assert kinds(approved)["ConfigMap:shop/web"] == "create"


def test_a_mass_deletion_is_held_and_only_drift_is_repaired() -> None:
    made = planned(WEB, EDITED, there=[DRIFT, *OLD])
    assert made.verdict.held
    assert [str(write.key) for write in made.writes] == ["ConfigMap:shop/edited"]
    assert sum(action.kind is ActionKind.HOLD for action in made.actions) == 11
    assert made.verdict.blast.deletions == tuple(sorted(write.key for write in OLD))


def test_a_held_action_says_what_it_would_do() -> None:
    (held,) = (action for action in planned(WEB, there=OLD).actions if action.key == OLD[0].key)
    assert (held.kind, held.intent, held.reason) == (ActionKind.HOLD, ActionKind.DELETE, "HeldForApproval")


def test_the_approved_plan_runs_and_no_other() -> None:
    made = planned(WEB, there=OLD)
    assert not planned(WEB, there=OLD, policy=PlanPolicy(approved=made.hash)).verdict.held
    assert not planned(WEB, there=OLD, policy=PlanPolicy(approved=made.hash[:12])).verdict.held
    assert planned(WEB, there=[*OLD, live(thing("ConfigMap", "more"))], policy=PlanPolicy(approved=made.hash)).verdict.held
    assert planned(EDITED, there=OLD, policy=PlanPolicy(approved=made.hash)).verdict.held
    reborn = [*OLD[1:], live(thing("ConfigMap", "old0"), uid="another one")]
    assert planned(WEB, there=reborn, policy=PlanPolicy(approved=made.hash)).verdict.held
    assert planned(WEB, there=OLD, policy=PlanPolicy(approved=made.hash, application_uid="another one")).verdict.held


def test_an_approved_plan_stays_approved_while_its_deletions_are_done_one_by_one() -> None:
    made = planned(WEB, there=OLD)
    carried = made.approval()
    rest = planned(WEB, there=OLD[:7], policy=PlanPolicy(approved=made.hash, carried=carried))
    assert rest.hash != made.hash
    assert not rest.verdict.held
    assert rest.verdict.approved


def test_what_is_carried_approves_neither_other_content_nor_more_deletions() -> None:
    carried = planned(WEB, there=OLD[:8]).approval()
    assert planned(WEB, there=OLD, policy=PlanPolicy(carried=carried)).verdict.held
    assert planned(EDITED, there=OLD[:7], policy=PlanPolicy(carried=carried)).verdict.held


def test_an_empty_render_is_held_although_nothing_else_objects() -> None:
    made = planned(there=OLD[:1])
    assert (made.verdict.held, made.verdict.reason) == (True, "EmptyRender")
    assert kinds(made) == {"ConfigMap:shop/old0": "hold"}
    assert not planned(there=OLD[:1], policy=PlanPolicy(approved=made.hash)).verdict.held


def test_a_render_of_nothing_but_hooks_is_empty() -> None:
    made = planned(thing("Job", "migrate", annotations={"helm.sh/hook": "pre-install"}), there=OLD[:1])
    assert made.verdict.reason == "EmptyRender"


def test_an_application_that_goes_deletes_its_objects_under_the_guard() -> None:
    few = planned(there=OLD[:3], policy=PlanPolicy(application_deleting=True))
    assert set(kinds(few).values()) == {"delete"}
    many = planned(there=OLD, policy=PlanPolicy(application_deleting=True))
    assert many.verdict.reason == "HeldForApproval"


def test_an_application_that_goes_creates_nothing_whatever_is_handed_in() -> None:
    made = planned(WEB, there=[live(WEB)], policy=PlanPolicy(application_deleting=True))
    assert kinds(made) == {"ConfigMap:shop/web": "delete"}


def test_the_hash_does_not_see_drift() -> None:
    calm = planned(WEB, EDITED, there=[live(EDITED), *OLD])
    assert planned(WEB, EDITED, there=[DRIFT, *OLD]).hash == calm.hash


def test_the_hash_sees_content_and_deletions_and_their_uids() -> None:
    base = planned(WEB, there=OLD[:2])
    others = [
        planned(thing("ConfigMap", "web", data={"a": "2"}), there=OLD[:2]),
        planned(WEB, EDITED, there=OLD[:2]),
        planned(WEB, there=OLD[:1]),
        planned(WEB, there=[OLD[0], live(thing("ConfigMap", "old1"), uid="another one")]),
        planned(WEB, there=OLD[:2], policy=PlanPolicy(application_uid="another one")),
    ]
    assert len({base.hash, *(other.hash for other in others)}) == 6


def test_holding_and_observing_do_not_change_the_hash() -> None:
    plans = [planned(WEB, there=OLD, policy=PlanPolicy(mode=mode)) for mode in SyncMode]
    assert len({variant.hash for variant in plans}) == 1


def test_what_is_kept_though_it_should_go_is_a_warning() -> None:
    made = planned(WEB, there=[live(thing("Namespace", "shop"))])
    assert made.warnings == ("Namespace:shop: it still holds ConfigMap:shop/web",)


def test_deletions_that_take_others_along_ask_to_be_counted() -> None:
    there = [live(crd()), live(thing("Widget", "one")), live(WEB)]
    made = planned(WEB, there=there)
    assert made.uncounted == (key("CustomResourceDefinition", "widgets.example.com"),)
    counted = planned(WEB, there=there, dependants={made.uncounted[0]: Dependants(total=3)})
    assert counted.uncounted == ()
    assert counted.hash == made.hash


def test_edges_of_a_plan_hold_back_what_must_wait() -> None:
    made = planned(crd(), thing("Widget", "one"))
    assert [edge.until.value for edge in made.edges.before(key("Widget", "one"))] == ["established"]


def test_a_replacement_counts_like_a_deletion() -> None:
    annotations = {"gitops-agent.dev/replace": "on-immutable"}
    objects = [thing("Job", f"j{n}", annotations=annotations, spec={"a": 2}) for n in range(6)]
    there = [live(thing("Job", f"j{n}", spec={"a": 1})) for n in range(6)]
    keys = {live_object.key for live_object in there}
    made = plan(wanted(*objects), seen(*there), PlanPolicy(), immutable=keys)
    assert made.verdict.held
    assert len(made.verdict.blast.replacements) == 6
    assert set(kinds(plan(wanted(*objects), seen(*there), PlanPolicy(approved=made.hash), immutable=keys)).values()) == {
        "replace"
    }


CHILD, POD = key("Application", "child", "gitops-system"), key("ConfigMap", "under-child")
PARENT = Approval(
    hash="0" * 64,
    content="c",
    deletions=frozenset(),
    covers=frozenset(
        fingerprint(target, f"uid of {target}") for target in (CHILD, POD, *(key("ConfigMap", f"m{n}") for n in range(8)))
    ),
)
GONE = [live(thing("ConfigMap", f"m{number}")) for number in range(8)]


def departing(*objects: LiveObject, deleting: bool = True, under: Dependants | None = None) -> GuardVerdict:
    policy = PlanPolicy(application_deleting=deleting, covered=PARENT.covers)
    dependants = {obj.key: under or Dependants() for obj in objects if obj.key.group_kind in CONTAINERS}
    return plan(wanted(), seen(*objects), policy, dependants=dependants).verdict


def test_the_approval_of_an_application_above_covers_what_it_counted() -> None:
    assert (departing(*GONE).approved, departing(*GONE).held) == (True, False)


def test_the_approval_of_an_application_above_covers_nothing_that_came_later() -> None:
    assert departing(*GONE, live(thing("ConfigMap", "later"))).held


def test_the_approval_of_an_application_above_covers_its_deletion_and_no_commit() -> None:
    assert departing(*GONE, deleting=False).held


def test_the_approval_of_an_application_above_covers_the_applications_below_as_far_as_it_counted_them() -> None:
    child = live(thing("Application", "child", namespace="gitops-system"))
    counted = Dependants(total=1, objects=((POD, f"uid of {POD}"),))
    more = Dependants(total=1, objects=((POD, "another uid"),))

    assert departing(*GONE, child, under=counted).approved
    assert departing(*GONE, child, under=more).held
    assert departing(*GONE, child, under=Dependants(total=2, objects=counted.objects)).held
    assert departing(*GONE, child, under=replace(counted, cannot_see=("Secret",))).held


def test_a_plan_that_was_not_counted_is_not_covered() -> None:
    policy = PlanPolicy(application_deleting=True, covered=PARENT.covers)
    child = live(thing("Application", "child", namespace="gitops-system"))

    assert plan(wanted(), seen(*GONE, child), policy).verdict.held


def test_an_approval_remembers_what_goes_with_the_applications_it_removes() -> None:
    child = live(thing("Application", "child", namespace="gitops-system"))
    counted = Dependants(total=1, objects=((POD, f"uid of {POD}"),))

    approval = plan(wanted(), seen(child), PlanPolicy(), dependants={child.key: counted}).approval()

    assert approval.covers == {fingerprint(POD, f"uid of {POD}")}
    assert Approval.from_json(approval.to_json()) == approval


def test_protected_kinds_below_an_application_are_named() -> None:
    claim = key("PersistentVolumeClaim", "data")
    child = live(thing("Application", "child", namespace="gitops-system"))
    counted = Dependants(total=1, objects=((claim, "uid"),))

    verdict = plan(wanted(), seen(child), PlanPolicy(application_deleting=True), dependants={child.key: counted}).verdict

    assert verdict.held
    assert verdict.message == f"protected kinds would be deleted along with others: {claim}"


def test_objects_with_unverified_marks_neither_count_nor_hold_and_are_named_in_one_warning() -> None:
    there = [live(thing("ConfigMap", f"old-{number}"), owner=None, claimed=APP) for number in range(9)]
    result = plan(wanted(WEB), seen(*there), PlanPolicy())
    assert not result.verdict.held
    assert result.verdict.blast.live == 0
    (warning,) = result.warnings
    assert warning.startswith("ConfigMap:shop/old-0, ConfigMap:shop/old-1, ConfigMap:shop/old-2 and 6 more: ")


def test_a_plan_says_that_marks_cannot_be_verified() -> None:
    result = plan(wanted(WEB), seen(), PlanPolicy(unverified="Secret x: forbidden"))
    assert result.warnings == ("marks cannot be verified, so nothing is pruned: Secret x: forbidden",)


def test_marks_are_written_anew_in_a_held_plan_and_in_manual_mode() -> None:
    unsealed = live(WEB, owner=None, claimed=APP)
    result = plan(wanted(WEB), seen(unsealed), PlanPolicy(sealing=True, mode=SyncMode.MANUAL))
    assert not result.verdict.held
    doomed = [live(thing("ConfigMap", f"old-{number}")) for number in range(9)]
    result = plan(wanted(WEB), seen(unsealed, *doomed), PlanPolicy(sealing=True))
    assert result.verdict.held
    assert [action.reason for action in result.writes] == ["Remarked"]


def rolled(*names: str, there: list[LiveObject], policy: PlanPolicy | None = None) -> Plan:
    """The plan for WEB while a rollout decides about ConfigMaps."""
    keys = frozenset(key("ConfigMap", name) for name in names)
    return plan(replace(wanted(WEB), rolled=keys), seen(*there), policy or PlanPolicy())


def test_a_held_plan_goes_on_with_the_steps_of_a_rollout() -> None:
    made = rolled("web", there=OLD)

    assert made.verdict.held
    assert [(action.key.name, action.kind.value) for action in made.writes] == [("web", "create")]


def test_what_a_rollout_deletes_is_no_part_of_what_is_approved() -> None:
    assert rolled("old0", there=OLD[:1]).hash == rolled("old0", there=[]).hash
    assert rolled(there=OLD[:1]).hash != rolled(there=[]).hash


def test_in_mode_observe_a_render_of_nothing_is_not_held() -> None:
    assert not planned(there=OLD[:1], policy=PlanPolicy(mode=SyncMode.OBSERVE)).verdict.held
