from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.config.settings import HealthExpression
from gitops_agent.manifest.edits import FieldEdit
from gitops_agent.manifest.key import AppKey, GroupKind
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import label_value
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.health.expressions import compile_expressions
from gitops_agent.sync.live.live_object import LiveObject, observe
from gitops_agent.sync.live.live_state import ChangeKind, LiveState, is_newer
from tests.sync.samples import APP, OTHER, key, thing
from tests.sync.samples import live as live_thing

KEY = key("ConfigMap", "web")
CONFIGS = GroupKind("", "ConfigMap")
EDIT = FieldEdit(path="/data/b", manager="kubectl-edit", operation="Update", time="2026-11-01T00:00:00Z")


def config(name: str = "web", *, version: int = 5, uid: str = "", **rest: Any) -> LiveObject:
    defaults = {"owner": APP, "digest": "d1", "projection": "p1", "health": Health(Status.HEALTHY)}
    return LiveObject(
        key=key("ConfigMap", name),
        uid=uid or f"uid-{name}",
        resource_version=str(version),
        **{**defaults, **rest},
    )


def test_a_new_object_is_added_and_found_by_its_application() -> None:
    state = LiveState()
    change = state.put(config())
    assert (change.kind, change.application, change.matters) == (ChangeKind.ADDED, APP, True)
    assert list(state.of(APP)) == [key("ConfigMap", "web")]
    assert state.of(OTHER) == {}


def test_the_same_in_a_newer_version_is_no_news() -> None:
    state = LiveState()
    state.put(config())
    change = state.put(config(version=6))
    assert (change.kind, change.matters) == (ChangeKind.UNCHANGED, False)
    live = state.get(key("ConfigMap", "web"))
    assert live is not None
    assert live.resource_version == "6"


def test_an_older_version_never_replaces_a_newer_one() -> None:
    state = LiveState()
    state.put(config(version=10))
    assert state.put(config(version=9, projection="old")).kind is ChangeKind.STALE
    live = state.get(key("ConfigMap", "web"))
    assert live is not None
    assert live.projection == "p1"


@pytest.mark.parametrize(
    "different",
    [
        {"projection": "p2"},
        {"digest": None},
        {"owner": None},
        {"deleting": True},
        {"prune_disabled": True},
        {"finalizers": ("x",)},
        {"undeclared": (EDIT,)},
        {"health": Health(Status.DEGRADED, "Broken")},
    ],
)
def test_whatever_a_plan_or_a_status_looks_at_is_news(different: dict[str, Any]) -> None:
    state = LiveState()
    state.put(config())
    assert state.put(config(version=6, **different)).matters


def test_a_change_of_health_says_so() -> None:
    state = LiveState()
    state.put(config())
    assert not state.put(config(version=6, projection="p2")).health
    assert state.put(config(version=7, projection="p2", health=Health(Status.PROGRESSING))).health


def test_the_event_that_follows_our_own_write_is_no_news() -> None:
    state = LiveState()
    state.applied(config(version=6), digest="d1")
    assert not state.put(config(version=6)).matters


def test_an_event_of_the_time_before_our_write_changes_nothing() -> None:
    state = LiveState()
    state.applied(config(version=6, digest="d2", projection="p2"), digest="d2")
    assert not state.put(config(version=5)).matters
    assert state.snapshot(APP).baselines == {key("ConfigMap", "web"): ("d2", "p2")}


def test_a_projection_that_leaves_its_baseline_has_drifted_once() -> None:
    state = LiveState()
    state.applied(config(version=6), digest="d1")
    assert state.put(config(version=7, projection="edited")).drifted
    assert not state.put(config(version=8, projection="edited again")).drifted


def test_without_a_baseline_nothing_is_known_to_have_drifted() -> None:
    state = LiveState()
    state.put(config())
    assert not state.put(config(version=6, projection="p2")).drifted


def test_one_that_lost_its_marks_is_reported_to_the_application_that_had_it() -> None:
    state = LiveState()
    state.put(config())
    assert state.put(config(version=6, owner=None)).application == APP
    assert state.of(APP) == {}


def test_one_that_changes_hands_is_found_with_the_new_owner_only() -> None:
    state = LiveState()
    state.put(config())
    assert state.put(config(version=6, owner=OTHER)).application == APP
    assert (list(state.of(APP)), len(state.of(OTHER))) == ([], 1)
    assert state._applications.keys() == {OTHER}


def test_a_removed_object_is_forgotten_with_its_baseline() -> None:
    state = LiveState()
    state.applied(config(), digest="d1")
    change = state.remove(key("ConfigMap", "web"), "uid-web")
    assert change is not None
    assert (change.kind, change.application) == (ChangeKind.REMOVED, APP)
    assert (len(state), state.of(APP), state._baselines) == (0, {}, {})


def test_a_declared_object_that_others_removed_keeps_what_was_applied_last() -> None:
    state, web = LiveState(), key("ConfigMap", "web")
    state.put(config(digest="d1"))
    state.snapshot(APP, [web])
    state.remove(web, "uid-web")

    assert state.snapshot(APP, [web]).baselines[web][0] == "d1"


def test_a_pruned_object_that_is_declared_again_is_new() -> None:
    state, web = LiveState(), key("ConfigMap", "web")
    state.put(config(digest="d1"))
    state.snapshot(APP, [web])
    state.snapshot(APP, [])
    state.remove(web, "uid-web")

    assert web not in state.snapshot(APP, [web]).baselines


def test_an_object_that_came_back_by_itself_has_its_own_baseline() -> None:
    state, web = LiveState(), key("ConfigMap", "web")
    state.put(config(digest="d1"))
    state.snapshot(APP, [web])
    state.remove(web, "uid-web")
    state.put(config(uid="new", version=9, digest="d2"))

    assert web not in state.snapshot(APP, [web]).baselines


def test_the_removal_of_another_incarnation_removes_nothing() -> None:
    state = LiveState()
    state.put(config(uid="new"))
    assert state.remove(key("ConfigMap", "web"), "old") is None
    assert len(state) == 1


def test_a_late_answer_does_not_bring_a_removed_object_back() -> None:
    state = LiveState()
    state.put(config(version=10))
    state.remove(key("ConfigMap", "web"), "uid-web")
    assert state.put(config(version=8)).kind is ChangeKind.STALE
    assert len(state) == 0


def test_an_object_that_left_our_selection_comes_back_when_it_is_marked_again() -> None:
    state = LiveState()
    state.put(config(version=10))
    state.remove(key("ConfigMap", "web"), "uid-web")
    assert state.put(config(version=12)).kind is ChangeKind.ADDED


def test_a_new_incarnation_replaces_the_old_one_and_is_news() -> None:
    state = LiveState()
    state.put(config(version=5))
    assert state.put(config(version=9, uid="new")).kind is ChangeKind.CHANGED


def test_what_is_missing_from_a_complete_list_is_gone() -> None:
    state = LiveState()
    state.put(config("a"))
    state.put(config("b"))
    changes = state.replace(CONFIGS, [config("b"), config("c")])
    assert {(change.key.name, change.kind) for change in changes} == {("a", ChangeKind.REMOVED), ("c", ChangeKind.ADDED)}


def test_a_list_says_nothing_about_other_kinds() -> None:
    state = LiveState()
    state.put(config("a"))
    assert state.replace(GroupKind("", "Secret"), []) == []
    assert len(state) == 1


def test_an_object_newer_than_the_list_outlives_it() -> None:
    state = LiveState()
    state.applied(config("a", version=20), digest="d1")
    assert state.replace(CONFIGS, [], resource_version="15") == []
    assert [change.kind for change in state.replace(CONFIGS, [], resource_version="25")] == [ChangeKind.REMOVED]


def test_a_snapshot_holds_what_is_owned_and_what_is_asked_for() -> None:
    state = LiveState()
    state.applied(config("own"), digest="d1")
    state.put(config("foreign", owner=OTHER))
    state.put(config("other", owner=OTHER))
    state.cannot_see[GroupKind("x", "Y")] = "down"
    snapshot = state.snapshot(APP, [key("ConfigMap", "foreign"), key("ConfigMap", "absent")])
    assert {obj.name for obj in snapshot.objects} == {"own", "foreign"}
    assert snapshot.baselines == {key("ConfigMap", "own"): ("d1", "p1")}
    assert (snapshot.complete, snapshot.cannot_see) == (False, {GroupKind("x", "Y"): "down"})


def test_a_snapshot_does_not_change_any_more() -> None:
    state = LiveState()
    state.put(config("a"))
    snapshot = state.snapshot(APP)
    state.put(config("b"))
    state.cannot_see[CONFIGS] = "down"
    state.complete = True
    assert (len(snapshot.objects), dict(snapshot.cannot_see), snapshot.complete) == (1, {}, False)


def test_an_edit_that_cannot_be_taken_back_is_no_longer_news() -> None:
    state = LiveState()
    state.put(config(undeclared=(EDIT,)))
    state.tolerate("uid-web", [EDIT])
    live = state.get(key("ConfigMap", "web"))
    assert live is not None
    assert live.undeclared == ()
    assert not state.put(config(version=6, undeclared=(EDIT,))).matters
    assert state.put(config(version=7, undeclared=(EDIT, replace(EDIT, path="/data/c")))).matters


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from("abc")), max_size=30))
def test_in_whatever_order_news_arrives_the_newest_wins(news: list[tuple[int, str]]) -> None:
    state = LiveState()
    for version, projection in news:
        state.put(config(version=version, projection=f"{version}{projection}"))
    live = state.get(key("ConfigMap", "web"))
    if not news:
        assert live is None
        return
    newest = max(version for version, _ in news)
    assert live is not None
    assert live.resource_version == str(newest)
    assert list(state.of(APP)) == [live.key]


def test_versions_are_compared_as_numbers_and_otherwise_accepted() -> None:
    assert is_newer("10", "9")
    assert not is_newer("9", "10")
    assert not is_newer("9", "9")
    assert is_newer("abc", "9")
    assert not is_newer("abc", "abc")


def test_threads_that_put_and_remove_leave_a_consistent_index() -> None:
    state = LiveState()

    def churn(offset: int) -> None:
        for number in range(300):
            state.put(config(str(number % 20), version=number * 4 + offset, owner=APP if number % 3 else OTHER))
            if number % 7 == 0:
                state.remove(key("ConfigMap", str(number % 20)), "")
            state.snapshot(APP)

    threads = [threading.Thread(target=churn, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    owned = {**state.of(APP), **state.of(OTHER)}
    assert len(owned) == len(state)
    assert all(state.get(object_key) is live for object_key, live in owned.items())


AUTHORITY = MarkAuthority(b"k" * 32)


def sealed(application: AppKey = APP, **rest: Any) -> LiveObject:
    live = config(**rest)
    return replace(live, seal=AUTHORITY.seal(live.key, application, "uid of the application"))


def test_an_object_belongs_to_an_application_only_by_a_valid_seal() -> None:
    state = LiveState(AUTHORITY)
    state.put(sealed())
    state.put(config("forged"))
    state.put(sealed(OTHER, name="copied"))
    assert list(state.of(APP)) == [key("ConfigMap", "web")]
    unverified = state.snapshot(APP).objects[key("ConfigMap", "forged")]
    assert (unverified.owner, unverified.claimed) == (None, APP)
    assert state.snapshot(APP).objects[key("ConfigMap", "web")].owner_uid == "uid of the application"


def test_a_mark_that_loses_its_seal_is_news_of_its_application() -> None:
    state = LiveState(AUTHORITY)
    state.put(sealed())
    change = state.put(config(version=6))
    assert (change.kind, change.application) == (ChangeKind.CHANGED, APP)


def test_marks_are_verified_again_once_the_key_is_known() -> None:
    late = MarkAuthority()
    state = LiveState(late)
    state.put(sealed())
    state.put(config("forged"))
    assert state.of(APP) == {}
    late.use(b"k" * 32)
    assert state.verify() == {APP}
    assert list(state.of(APP)) == [key("ConfigMap", "web")]


def test_an_unverified_object_that_vanishes_is_news_of_the_application_it_names() -> None:
    state = LiveState(AUTHORITY)
    state.put(config())
    change = state.remove(key("ConfigMap", "web"), "uid-web")
    assert change is not None
    assert (change.kind, change.application) == (ChangeKind.REMOVED, APP)


def test_an_object_with_a_damaged_mark_is_in_the_snapshot_of_its_application_until_it_is_whole() -> None:
    state = LiveState()
    state.snapshot(APP)
    state.put(config())
    assert state.put(config(version=6, owner=None, damaged=label_value(APP))).application == APP
    assert (list(state.snapshot(APP).objects), state.of(APP), state.snapshot(OTHER).objects) == ([KEY], {}, {})
    change = state.put(config(version=7, owner=None, damaged=""))
    assert (change.application, change.matters, state.snapshot(APP).objects) == (APP, True, {})
    state.put(config(version=8, owner=None, damaged=label_value(APP)))
    state.put(config(version=9))
    assert list(state.snapshot(APP).objects) == list(state.of(APP)) == [KEY]


def test_the_end_of_an_object_with_a_damaged_mark_is_news_of_its_application() -> None:
    state = LiveState()
    state.snapshot(APP)
    state.put(config(owner=None, damaged=label_value(APP)))
    change = state.remove(KEY, "uid-web")
    assert change is not None
    assert (change.application, state.snapshot(APP).objects) == (APP, {})


def test_a_list_with_an_older_version_than_was_known_by_then_comes_from_a_restored_etcd() -> None:
    state = LiveState()
    state.put(config(version=395, projection="applied after the backup"))
    for name, version in (("deleted", ""), ("gone", "396")):
        state.put(config(name, version=390))
        state.remove(key("ConfigMap", name), f"uid-{name}", version)
    restored = [config(version=200), config("gone", version=390), config("deleted", version=200)]
    changes = state.replace(CONFIGS, restored, resource_version="500")
    assert {obj.key.name: obj.resource_version for obj in state.of(APP).values()} == {
        "web": "200",
        "gone": "390",
        "deleted": "200",
    }
    assert {change.key.name for change in changes} == {"web", "gone", "deleted"}


def test_a_list_from_before_a_write_or_a_deletion_changes_neither() -> None:
    state = LiveState()
    state.put(config(version=395))
    state.put(config("gone", version=390))
    state.remove(key("ConfigMap", "gone"), "uid-gone", "396")
    assert state.replace(CONFIGS, [config(version=200), config("gone", version=390)], resource_version="394") == []
    assert [obj.resource_version for obj in state.of(APP).values()] == ["395"]


def test_the_event_of_a_deletion_that_is_known_dates_it() -> None:
    state = LiveState()
    state.put(config(version=390))
    state.remove(KEY, "uid-web")
    assert state.remove(KEY, "uid-web", "396") is None
    assert state.put(config(version=395)).kind is ChangeKind.STALE


def thing_live(name: str, version: str) -> LiveObject:
    return live_thing(thing("ConfigMap", name), resource_version=version)


def test_after_a_restoration_of_etcd_older_versions_win_and_what_is_missing_is_gone() -> None:
    state = LiveState()
    for name in ("one", "two"):
        state.put(thing_live(name, "1000"))
    removed = thing_live("three", "990")
    state.put(removed)
    state.remove(removed.key, removed.uid)

    state.rewind(GroupKind("", "ConfigMap"))
    older = [thing_live(name, "800") for name in ("one", "three")]
    changes = state.replace(GroupKind("", "ConfigMap"), older, resource_version="905")

    assert {key.name for key in state.of(APP)} == {"one", "three"}
    assert {obj.resource_version for obj in state.of(APP).values()} == {"800"}
    assert {(change.key.name, change.kind) for change in changes} == {("two", ChangeKind.REMOVED), ("three", ChangeKind.ADDED)}


@pytest.mark.parametrize("way", ["put", "applied", "replace"])
def test_health_is_judged_by_the_expressions_of_the_kind(way: str) -> None:
    setting = HealthExpression(api_version="example.com/v1", kind="Database", current="status.phase == 'Up'")
    state = LiveState(expressions=compile_expressions([setting]))

    statuses = []
    for version, phase in (("1", "Down"), ("2", "Up")):
        metadata = {"name": "d", "namespace": "n", "uid": "u", "resourceVersion": version}
        database = observe(
            {"apiVersion": "example.com/v1", "kind": "Database", "metadata": metadata, "status": {"phase": phase}}
        )
        if way == "replace":
            state.replace(database.key.group_kind, [database])
        elif way == "applied":
            state.applied(database, digest="d1")
        else:
            state.put(database)
        known = state.get(database.key)
        assert known is not None
        statuses.append(str(known.health.status))

    assert statuses == ["Progressing", "Healthy"]
