from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.sync_options import IgnoreFields, SyncMode
from gitops_agent.manifest.edits import FieldEdit
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import DIGEST, FIELD_MANAGER, marked
from gitops_agent.manifest.ownership import pack
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.planning.comparator import ObjectComparator
from gitops_agent.sync.planning.policy import PlanPolicy
from tests.sync.samples import APP, OTHER, live, live_of, seen, thing, wanted

WEB = thing("ConfigMap", "web", data={"a": "1"})
EDIT = FieldEdit(path="/data/b", manager="kubectl-edit", operation="Update", time="2026-01-01T00:00:00Z")


def compared(
    obj: Object, *there: LiveObject, policy: PlanPolicy | None = None, immutable: bool = False, **snapshot: Any
) -> Action:
    manifest = wanted(obj).manifests[0]
    comparison = ObjectComparator(
        application=APP,
        snapshot=seen(*there, **snapshot),
        policy=policy or PlanPolicy(),
        immutable={manifest.key} if immutable else set(),
    )
    return comparison.action(manifest)


def outcome(action: Action) -> tuple[str, str, bool]:
    return action.kind.value, action.reason, action.drift


def test_what_is_missing_is_created() -> None:
    assert outcome(compared(WEB)) == ("create", "New", False)


def test_a_deletion_after_our_apply_is_drift() -> None:
    manifest = wanted(WEB).manifests[0]
    baselines = {manifest.key: (manifest.digest, "x")}
    assert outcome(compared(WEB, baselines=baselines)) == ("create", "Missing", True)
    assert outcome(compared(WEB, baselines=baselines, policy=PlanPolicy(self_heal=False))) == ("skip", "Missing", True)


def test_what_is_missing_with_another_content_than_was_applied_is_new() -> None:
    baselines = {wanted(WEB).manifests[0].key: ("another digest", "x")}

    assert outcome(compared(WEB, baselines=baselines, policy=PlanPolicy(self_heal=False))) == ("create", "New", False)


def test_what_may_be_there_unseen_is_waited_for() -> None:
    group_kind = wanted(WEB).manifests[0].key.group_kind
    action = compared(WEB, cannot_see={group_kind: "forbidden"})
    assert outcome(action) == ("wait", "CannotSee", False)
    assert "forbidden" in action.message


def test_the_same_content_is_unchanged() -> None:
    assert outcome(compared(WEB, live(WEB))) == ("unchanged", "Synced", False)


def test_what_the_server_respelled_is_unchanged_by_its_baseline() -> None:
    there = live(WEB, projection="respelled")
    assert outcome(compared(WEB, there, baselines={there.key: (str(there.digest), "respelled")}))[0] == "unchanged"
    assert outcome(compared(WEB, there))[0] == "update"


def test_what_is_spelled_as_declared_is_unchanged_whatever_the_server_made_of_it_before() -> None:
    there = live(WEB)

    assert outcome(compared(WEB, there, baselines={there.key: (str(there.digest), "respelled")})) == (
        "unchanged",
        "Synced",
        False,
    )


def packed(*, value: str) -> LiveObject:
    """The live WEB after a restart, with some value."""
    manifest = wanted(WEB).manifests[0]
    obj = marked(manifest.obj, application=APP, digest=manifest.digest, revision="r")
    fields = {"f:data": {"f:a": {}}, "f:metadata": {"f:annotations": {f"f:{DIGEST}": {}}}}
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    obj = {**obj, "data": {"a": value}, "metadata": {**obj["metadata"], "managedFields": [entry]}}
    return live(WEB, projection="respelled", owned=pack(obj))


@pytest.mark.parametrize(("value", "remembered", "unproven"), [("1", False, False), ("2", False, True), ("2", True, False)])
def test_what_only_the_name_of_the_manager_proves_is_said_to_be_unproven(
    value: str, *, remembered: bool, unproven: bool
) -> None:
    there = packed(value=value)
    baselines = {there.key: (str(there.digest), "respelled")} if remembered else {}

    action = compared(WEB, there, baselines=baselines)

    assert (action.kind.value, action.unproven) == ("unchanged", unproven)


def test_what_is_spelled_as_declared_needs_no_further_proof() -> None:
    assert not compared(WEB, live(WEB)).unproven


def test_an_old_baseline_proves_nothing() -> None:
    there = live(WEB, projection="respelled")
    assert outcome(compared(WEB, there, baselines={there.key: ("another digest", "respelled")})) == ("update", "Drifted", True)


def test_changed_content_is_updated() -> None:
    assert outcome(compared(thing("ConfigMap", "web", data={"a": "2"}), live(WEB))) == ("update", "Changed", False)


def test_drift_is_repaired_unless_self_heal_is_off() -> None:
    there = live(WEB, projection="edited")
    assert outcome(compared(WEB, there)) == ("update", "Drifted", True)
    action = compared(WEB, there, policy=PlanPolicy(self_heal=False))
    assert outcome(action) == ("skip", "Drifted", True)
    assert action.intent is ActionKind.UPDATE


def test_an_addition_is_drift_that_names_field_and_manager() -> None:
    action = compared(WEB, live(WEB, undeclared=(EDIT,)))
    assert outcome(action) == ("update", "Undeclared", True)
    assert action.message == "not declared: /data/b by kubectl-edit"


def test_what_an_earlier_tool_left_is_removed_though_drift_is_not_repaired() -> None:
    left = FieldEdit(path="/metadata/labels/x", manager="helm-controller", operation="Apply", time="2026-01-01T00:00:00Z")
    policy = PlanPolicy(self_heal=False)

    both = compared(WEB, live(WEB, undeclared=(EDIT, left)), policy=policy)

    assert (outcome(both), both.undeclared) == (("update", "Undeclared", True), (left,))
    assert outcome(compared(WEB, live(WEB, undeclared=(EDIT,)), policy=policy)) == ("skip", "Undeclared", True)


def test_an_addition_to_an_ignored_field_is_ignored() -> None:
    policy = PlanPolicy(ignore_fields=(IgnoreFields(kind="ConfigMap", paths=("/data",)),))
    there = live_of(wanted(WEB).manifests[0], undeclared=(EDIT,))
    assert outcome(compared(WEB, there, policy=policy))[0] == "unchanged"


def test_an_object_without_an_owner_is_adopted() -> None:
    assert outcome(compared(WEB, live(WEB, owner=None))) == ("update", "Adopted", False)


def test_an_object_of_another_application_is_left_out_naming_both() -> None:
    action = compared(WEB, live(WEB, owner=OTHER))
    assert outcome(action) == ("skip", "OwnedByAnother", False)
    assert action.message == "declared in all.yaml (document 1), but it belongs to Application gitops-system/bank"


def test_an_object_that_is_being_deleted_is_waited_for() -> None:
    action = compared(WEB, live(WEB, deleting=True, finalizers=("example.com/backup",)))
    assert outcome(action) == ("wait", "Terminating", False)
    assert "example.com/backup must agree" in action.message


CREATE_ONLY = thing("ConfigMap", "web", annotations={"gitops-agent.dev/apply": "create-only"}, data={"a": "2"})


@pytest.mark.parametrize("owner", [APP, OTHER, None])
def test_what_is_created_only_is_left_alone_once_it_is_there(owner: Any) -> None:
    assert outcome(compared(CREATE_ONLY, live(WEB, owner=owner))) == ("skip", "CreateOnly", False)


def test_what_is_created_only_is_created() -> None:
    assert outcome(compared(CREATE_ONLY))[0] == "create"


def test_only_what_asks_for_it_is_replaced_and_only_when_it_must_be() -> None:
    asks = thing("Job", "migrate", annotations={"gitops-agent.dev/replace": "on-immutable"}, spec={"a": 2})
    old = live(thing("Job", "migrate", spec={"a": 1}))
    assert outcome(compared(asks, old, immutable=True)) == ("replace", "Immutable", False)
    assert outcome(compared(asks, old)) == ("update", "Changed", False)
    assert outcome(compared(thing("Job", "migrate", spec={"a": 2}), old, immutable=True)) == ("update", "Changed", False)


def test_marks_without_a_seal_are_written_anew_once_they_can_be_sealed() -> None:
    unsealed = live(WEB, owner=None, claimed=APP)
    action = compared(WEB, unsealed, policy=PlanPolicy(sealing=True))
    assert outcome(action) == ("update", "Remarked", False)
    assert outcome(compared(WEB, unsealed)) == ("unchanged", "Synced", False)
    assert outcome(compared(WEB, unsealed, policy=PlanPolicy(sealing=True, mode=SyncMode.OBSERVE))) == (
        "unchanged",
        "Synced",
        False,
    )


def test_sealed_marks_are_not_written_anew() -> None:
    assert outcome(compared(WEB, live(WEB), policy=PlanPolicy(sealing=True))) == ("unchanged", "Synced", False)


def test_drift_without_healing_is_left_alone_though_the_mark_has_no_seal() -> None:
    unsealed = live(WEB, owner=None, claimed=APP, projection="edited")
    policy = PlanPolicy(sealing=True, self_heal=False)
    assert outcome(compared(WEB, unsealed, policy=policy, baselines={})) == ("skip", "Drifted", True)


def test_unverified_marks_of_another_application_are_respected() -> None:
    action = compared(WEB, live(WEB, owner=None, claimed=OTHER), policy=PlanPolicy(sealing=True))
    assert outcome(action) == ("skip", "OwnedByAnother", False)
