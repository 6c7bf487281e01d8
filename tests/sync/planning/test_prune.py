from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import label_value
from gitops_agent.sync.action import Action
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.policy import PlanPolicy
from gitops_agent.sync.planning.prune import prune_actions
from tests.sync.samples import APP, OTHER, crd, key, live, seen, thing, wanted, workload

OLD = live(thing("ConfigMap", "old"))


def removed(
    *there: LiveObject,
    declared: list[Object] | None = None,
    policy: PlanPolicy | None = None,
    dependants: dict[ObjectKey, Dependants] | None = None,
    made: frozenset[ObjectKey] = frozenset(),
    kept: frozenset[ObjectKey] = frozenset(),
    **snapshot: Any,
) -> dict[str, Action]:
    desired = replace(wanted(*declared or []), made=made, kept=kept)
    actions = prune_actions(desired, seen(*there, **snapshot), policy or PlanPolicy(), dependants or {})
    return {action.key.name: action for action in actions}


def outcome(action: Action) -> tuple[str, str]:
    return action.kind.value, action.reason


def test_what_is_no_longer_declared_goes() -> None:
    assert outcome(removed(OLD)["old"]) == ("delete", "Pruning")


def test_what_is_declared_stays() -> None:
    assert removed(OLD, declared=[thing("ConfigMap", "old")]) == {}


def test_what_is_declared_as_a_hook_or_ignored_stays_too() -> None:
    for wish in ({"helm.sh/hook": "pre-install"}, {"gitops-agent.dev/apply": "ignore"}):
        assert removed(OLD, declared=[thing("ConfigMap", "old", annotations=wish)]) == {}


@pytest.mark.parametrize("owner", [OTHER, None])
def test_what_bears_no_bound_mark_of_this_application_is_not_even_mentioned(owner: Any) -> None:
    assert removed(live(thing("ConfigMap", "old"), owner=owner)) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"controlled": True}, ("skip", "Controlled")),
        ({"prune_disabled": True}, ("skip", "PruneDisabled")),
        ({"deleting": True}, ("wait", "Terminating")),
    ],
)
def test_some_objects_are_kept(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert outcome(removed(live(thing("ConfigMap", "old"), **changes))["old"]) == expected


def test_nothing_goes_before_every_kind_was_listed() -> None:
    assert outcome(removed(OLD, complete=False)["old"]) == ("wait", "NotListed")


def test_nothing_goes_of_a_kind_that_cannot_be_seen() -> None:
    assert outcome(removed(OLD, cannot_see={GroupKind("", "ConfigMap"): "forbidden"})["old"]) == ("wait", "CannotSee")


def test_nothing_goes_of_a_kind_whose_scope_was_guessed() -> None:
    widget = live(thing("Widget", "old"))
    assert outcome(removed(widget, declared=[thing("Widget", "new")])["old"]) == ("wait", "UnknownKind")


def test_pruning_can_be_switched_off_but_not_for_an_application_that_goes() -> None:
    left = removed(OLD, policy=PlanPolicy(prune=False))["old"]
    assert (*outcome(left), left.intent.value) == ("skip", "PruningOff", "skip")
    assert outcome(removed(OLD, policy=PlanPolicy(prune=False, application_deleting=True))["old"])[0] == "delete"


def test_the_agents_own_objects_are_never_deleted() -> None:
    policy = PlanPolicy(agent_namespace="gitops-system", protected=frozenset({key("ClusterRole", "gitops-agent")}))
    own = crd("applications", "Application")
    own["metadata"]["name"] = "applications.gitops-agent.dev"
    actions = removed(
        live(thing("Namespace", "gitops-system")),
        live(thing("ClusterRole", "gitops-agent")),
        live(own),
        policy=policy,
    )
    assert {outcome(value) for value in actions.values()} == {("skip", "AgentObject")}
    assert len(actions) == 3


AGENT = PlanPolicy(agent_namespace="shop", protected=frozenset({key("Deployment", "agent")}))


def test_what_the_agent_runs_on_stays_when_its_deployment_is_no_longer_declared() -> None:
    actions = removed(
        live(thing("Deployment", "agent")),
        live(thing("ConfigMap", "agent-config-1")),
        live(thing("Service", "agent-metrics")),
        live(thing("ConfigMap", "web")),
        policy=AGENT,
    )

    kept = {name for name, action in actions.items() if outcome(action) == ("skip", "AgentObject")}
    assert kept == {"agent", "agent-config-1", "agent-metrics"}
    assert outcome(actions["web"])[0] == "delete"


def test_an_earlier_configuration_goes_while_the_agent_is_declared() -> None:
    earlier = live(thing("ConfigMap", "agent-config-1"))
    actions = removed(earlier, declared=[thing("Deployment", "agent")], policy=AGENT)

    assert outcome(actions["agent-config-1"])[0] == "delete"


def test_an_application_that_is_no_longer_declared_by_itself_does_not_delete_itself() -> None:
    own = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "gitops-system"},
    }

    assert outcome(removed(live(own))["shop"]) == ("skip", "AgentObject")


NAMESPACE = live(thing("Namespace", "shop"))


def test_a_namespace_that_still_holds_declared_objects_is_kept_with_a_word() -> None:
    action = removed(NAMESPACE, declared=[thing("ConfigMap", "web")])["shop"]
    assert outcome(action) == ("skip", "StillInUse")
    assert action.message == "it still holds ConfigMap:shop/web"


def test_a_namespace_that_holds_something_that_asks_to_be_kept_is_kept() -> None:
    claim = live(thing("PersistentVolumeClaim", "data"), prune_disabled=True)
    assert outcome(removed(NAMESPACE, claim)["shop"]) == ("skip", "StillInUse")


def test_a_namespace_that_holds_something_unseen_is_waited_for() -> None:
    actions = removed(NAMESPACE, OLD, cannot_see={GroupKind("", "ConfigMap"): "forbidden"})
    assert outcome(actions["shop"]) == ("wait", "StillInUse")


def test_a_namespace_whose_contents_are_on_their_way_out_goes() -> None:
    actions = removed(NAMESPACE, OLD, live(thing("Secret", "key"), deleting=True))
    assert outcome(actions["shop"])[0] == "delete"


@pytest.mark.parametrize("obj", [thing("Namespace", "shop"), crd()])
def test_what_holds_objects_of_other_applications_is_kept(obj: Object) -> None:
    there = live(obj)
    under = {there.key: Dependants(total=2, declared_elsewhere=1, samples=("ConfigMap:shop/foreign",))}
    action = removed(there, dependants=under)[there.key.name]
    assert outcome(action) == ("skip", "StillInUse")
    assert "ConfigMap:shop/foreign" in action.message


def test_a_namespace_that_holds_undeclared_objects_is_left_to_the_guard() -> None:
    assert outcome(removed(NAMESPACE, dependants={NAMESPACE.key: Dependants(total=2)})["shop"])[0] == "delete"


def test_a_crd_of_which_objects_are_declared_is_kept() -> None:
    actions = removed(live(crd()), declared=[thing("Widget", "one")])
    assert outcome(actions["widgets.example.com"]) == ("skip", "StillInUse")


def test_a_crd_goes_although_objects_of_another_kind_of_its_group_are_declared() -> None:
    wheel = {**thing("Widget", "one"), "kind": "Wheel"}
    actions = removed(live(crd()), declared=[crd("wheels", "Wheel"), wheel])
    assert outcome(actions["widgets.example.com"])[0] == "delete"


CANARY = live(workload("Deployment", "web-c-1234"), rollout="web")


def test_what_a_rollout_made_goes_as_part_of_it_when_its_status_names_it() -> None:
    action = removed(CANARY, made=frozenset({CANARY.key}))["web-c-1234"]

    assert (*outcome(action), action.rollout) == ("delete", "RolloutOver", True)


def test_an_annotation_that_no_rollout_wrote_passes_no_guard() -> None:
    forged = live(thing("PersistentVolumeClaim", "data"), rollout="web")

    actions = removed(CANARY, forged)

    assert [(*outcome(action), action.rollout) for action in actions.values()] == [("delete", "Pruning", False)] * 2


@pytest.mark.parametrize("changes", [{"controlled": True}, {"prune_disabled": True}])
def test_the_annotation_of_a_rollout_overrides_no_protection(changes: dict[str, Any]) -> None:
    kept = replace(CANARY, **changes)

    assert outcome(removed(kept, made=frozenset({CANARY.key}))["web-c-1234"])[0] == "skip"


def test_the_annotation_of_a_rollout_deletes_no_object_of_the_agent() -> None:
    policy = PlanPolicy(protected=frozenset({CANARY.key}))

    assert outcome(removed(CANARY, policy=policy, made=frozenset({CANARY.key}))["web-c-1234"]) == ("skip", "AgentObject")


def test_what_bears_unverified_marks_is_left_alone_whatever_it_says() -> None:
    for changes in ({}, {"rollout": "web"}):
        unsealed = live(thing("ConfigMap", "old"), owner=None, claimed=APP, **changes)
        made = frozenset({unsealed.key})
        assert outcome(removed(unsealed, made=made)["old"]) == ("skip", "MarkUnverified")
        deleting = PlanPolicy(application_deleting=True)
        assert outcome(removed(unsealed, policy=deleting)["old"]) == ("skip", "MarkUnverified")


def test_what_bears_a_damaged_mark_is_left_behind_with_the_way_out() -> None:
    torn = live(thing("ConfigMap", "old"), owner=None, damaged=label_value(APP))
    for policy in (PlanPolicy(), PlanPolicy(application_deleting=True), PlanPolicy(prune=False)):
        action = removed(torn, policy=policy)["old"]
        assert (*outcome(action), action.intent.value) == ("skip", "MarkBroken", "skip")
    assert "remove its label gitops-agent.dev/application" in action.message
    assert removed(torn, declared=[thing("ConfigMap", "old")]) == removed(replace(torn, damaged=label_value(OTHER))) == {}


def test_what_bears_a_damaged_mark_and_is_terminating_is_not_even_mentioned() -> None:
    assert removed(live(thing("ConfigMap", "old"), owner=None, damaged=label_value(APP), deleting=True)) == {}


def test_a_rollout_object_that_asks_to_be_kept_is_kept() -> None:
    there = live(thing("ConfigMap", "old"), rollout="web", prune_disabled=True)
    assert outcome(removed(there, made=frozenset({there.key}))["old"]) == ("skip", "PruneDisabled")


@pytest.mark.parametrize("changes", [{}, {"owner": None, "claimed": APP}])
def test_what_a_rollout_may_need_is_not_even_mentioned(changes: dict[str, Any]) -> None:
    needed = live(thing("ConfigMap", "old"), **changes)

    assert removed(needed, kept=frozenset({needed.key})) == {}


def test_a_namespace_that_holds_what_a_rollout_may_need_is_kept() -> None:
    assert outcome(removed(NAMESPACE, OLD, kept=frozenset({OLD.key}))["shop"]) == ("skip", "StillInUse")


def test_what_a_rollout_made_does_not_go_before_every_kind_was_listed() -> None:
    left = removed(CANARY, made=frozenset({CANARY.key}), complete=False)["web-c-1234"]

    assert (*outcome(left), left.rollout) == ("wait", "NotListed", False)


def test_what_a_rollout_made_counts_like_the_rest_when_the_application_goes() -> None:
    gone = removed(CANARY, made=frozenset({CANARY.key}), policy=PlanPolicy(application_deleting=True))["web-c-1234"]

    assert (*outcome(gone), gone.rollout) == ("delete", "Pruning", False)


def test_an_object_that_is_only_named_like_one_of_a_rollout_passes_no_guard() -> None:
    alike = replace(CANARY, rollout="")

    action = removed(alike, made=frozenset({alike.key}))["web-c-1234"]

    assert (*outcome(action), action.rollout) == ("delete", "Pruning", False)
