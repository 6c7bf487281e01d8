"""Assumptions about ownership and storage, checked against the real API server."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.canonical import copy, digest
from gitops_agent.manifest.edits import foreign_fields
from gitops_agent.manifest.field_report import field_changes
from gitops_agent.manifest.fields import desired_form, desired_hash, projection, projection_hash
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import marked
from gitops_agent.manifest.ownership import covers, pack
from tests.manifest.kinds import AGREEING, CLUSTER_SCOPED, DEFINITION, RESPELLED, THING
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
APPLICATION = AppKey("gitops-system", "shop")


def named(obj: Object) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def sent(obj: Object) -> Object:
    return marked(obj, application=APPLICATION, digest=digest(obj), revision="c1")


def within(obj: Object, namespace: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def difference(desired: Object, live: Object) -> list[Any]:
    return [(change.path, change.old, change.new) for change in field_changes(desired_form(desired), projection(live))]


@pytest.mark.parametrize("obj", AGREEING, ids=named)
def test_the_hash_of_what_was_sent_is_the_hash_of_what_is_stored(obj: Object, objects: Objects, namespace: str) -> None:
    desired = within(obj, namespace)
    live = objects.apply(sent(desired))
    assert projection_hash(live) == desired_hash(desired), difference(desired, live)
    assert covers(pack(live) or b"", desired)


@pytest.mark.parametrize("obj", CLUSTER_SCOPED, ids=named)
def test_the_same_holds_for_cluster_scoped_kinds(obj: Object, objects: Objects, request: pytest.FixtureRequest) -> None:
    desired = {**obj, "metadata": {"name": f"t-{uuid.uuid4().hex[:10]}"}}
    live = objects.apply(sent(desired))
    request.addfinalizer(lambda: objects.delete(ObjectKey.of(live), uid=live["metadata"]["uid"]))
    assert projection_hash(live) == desired_hash(desired), difference(desired, live)
    assert covers(pack(live) or b"", desired)


def test_the_same_holds_for_custom_resources(objects: Objects, discovery: Discovery, namespace: str) -> None:
    definition = objects.apply(sent(DEFINITION))
    assert projection_hash(definition) == desired_hash(DEFINITION), difference(DEFINITION, definition)
    desired = within(THING, namespace)

    def applied() -> Object | None:
        discovery.invalidate("synced.test")
        try:
            return objects.apply(sent(desired))
        except AgentError:
            return None

    live = eventually(applied, what="the new kind to be served")
    assert live is not None
    assert projection_hash(live) == desired_hash(desired), difference(desired, live)
    assert covers(pack(live) or b"", desired)


@pytest.mark.parametrize("why", RESPELLED)
def test_where_the_server_respells_ownership_still_proves_it(why: str, objects: Objects, namespace: str) -> None:
    desired = within(RESPELLED[why], namespace)
    live = objects.apply(sent(desired))
    assert projection_hash(live) != desired_hash(desired)
    assert covers(pack(live) or b"", desired)


@pytest.mark.parametrize("obj", [AGREEING[7], *RESPELLED.values()], ids=named)
def test_applying_the_same_again_changes_neither_version_nor_hash(obj: Object, objects: Objects, namespace: str) -> None:
    desired = within(obj, namespace)
    first = objects.apply(sent(desired))
    again = objects.apply(sent(desired))
    assert first["metadata"]["uid"] == again["metadata"]["uid"]
    assert projection_hash(first) == projection_hash(again)


Change = Callable[[Objects, ObjectKey], object]


def scaled(objects: Objects, key: ObjectKey) -> None:
    objects.merge_patch(key, {"spec": {"replicas": 2}}, subresource="scale", field_manager="kubectl-scale")


def edited(objects: Objects, key: ObjectKey) -> None:
    objects.json_patch(
        key,
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil"}],
        field_manager="kubectl-edit",
    )


def relabelled(objects: Objects, key: ObjectKey) -> None:
    objects.merge_patch(key, {"metadata": {"labels": {"team": "other"}}}, field_manager="kubectl-label")


def removed(objects: Objects, key: ObjectKey) -> None:
    objects.merge_patch(key, {"metadata": {"labels": {"team": None}}}, field_manager="kubectl-label")


def emptied(objects: Objects, key: ObjectKey) -> None:
    objects.json_patch(key, [{"op": "remove", "path": "/spec/template/spec/volumes"}], field_manager="kubectl-edit")


def overruled(objects: Objects, key: ObjectKey) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": key.name, "namespace": key.namespace}}
    objects.apply({**body, "spec": {"replicas": 5}}, field_manager="kubectl", force=True)


def filled(objects: Objects, key: ObjectKey) -> None:
    patch: list[Object] = [{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["--debug"]}]
    objects.json_patch(key, patch, field_manager="kubectl-patch")


CHANGES: tuple[Change, ...] = (scaled, edited, relabelled, removed, emptied, overruled, filled)


def target(namespace: str) -> Object:
    obj = within(copy(AGREEING[7]), namespace)
    obj["metadata"]["labels"] = {"team": "ours"}
    obj["spec"]["template"]["spec"]["containers"][0]["args"] = []
    return obj


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_our_value_is_detected_by_both_proofs(change: Change, objects: Objects, namespace: str) -> None:
    desired = target(namespace)
    before = objects.apply(sent(desired))
    key = ObjectKey.of(desired)
    change(objects, key)
    after = objects.get(key)
    assert projection_hash(after) != projection_hash(before)
    assert not covers(pack(after) or b"", desired)
    repaired = objects.apply(sent(desired))
    assert projection_hash(repaired) == projection_hash(before)
    assert covers(pack(repaired) or b"", desired)


def test_what_others_add_beside_our_fields_changes_nothing_for_us(objects: Objects, namespace: str) -> None:
    desired = target(namespace)
    before = objects.apply(sent(desired))
    patch: list[Object] = [
        {"op": "add", "path": "/metadata/annotations/controller.test~1seen", "value": "yes"},
        {"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "INJECTED", "value": "1"}]},
        {"op": "add", "path": "/spec/template/spec/volumes/0/emptyDir/medium", "value": "Memory"},
    ]
    after = objects.json_patch(ObjectKey.of(desired), patch, field_manager="some-controller")
    assert projection_hash(after) == projection_hash(before)
    assert foreign_fields(after) == ()


def test_another_writer_that_fills_our_empty_list_is_detected_without_a_baseline(objects: Objects, namespace: str) -> None:
    desired = within(RESPELLED["an empty list of items with keys is owned by nobody"], namespace)
    objects.apply(sent(desired))
    patch: list[Object] = [
        {"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "A", "value": "1"}]}
    ]
    after = objects.json_patch(ObjectKey.of(desired), patch, field_manager="some-controller")
    assert not covers(pack(after) or b"", desired)


def test_writing_the_same_value_takes_nothing_from_us(objects: Objects, namespace: str) -> None:
    desired = target(namespace)
    before = objects.apply(sent(desired))
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": copy(desired["metadata"]), "spec": {"replicas": 0}}
    after = objects.apply(body, field_manager="kubectl", force=True)
    assert projection_hash(after) == projection_hash(before)
    assert covers(pack(after) or b"", desired)


def test_values_set_below_string_data_are_not_seen_in_data(objects: Objects, namespace: str) -> None:
    """Why `stringData` is turned into `data` before it is sent."""
    secret = within({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "1"}}, namespace)
    live = objects.apply(sent(secret))
    assert "data" not in (projection(live) or {})


def test_an_addition_by_hand_is_reported_with_its_manager_and_time(objects: Objects, namespace: str) -> None:
    desired = target(namespace)
    objects.apply(sent(desired))
    patch: list[Object] = [
        {"op": "add", "path": "/metadata/labels/by-hand", "value": "yes"},
        {"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "DEBUG", "value": "1"}]},
        {"op": "add", "path": "/spec/template/metadata/annotations", "value": {"kubectl.kubernetes.io/restartedAt": "now"}},
    ]
    after = objects.json_patch(ObjectKey.of(desired), patch, field_manager="kubectl-edit")
    edits = foreign_fields(after)
    assert {edit.path for edit in edits} == {"/metadata/labels/by-hand", "/spec/template/spec/containers/0/env"}
    assert {edit.manager for edit in edits} == {"kubectl-edit"}
    assert all(edit.time for edit in edits)
