from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.edits import FieldEdit, foreign_fields
from gitops_agent.sync.apply.foreign_fields import exchange_patch, release_patch, removal_patch
from tests.manifest.test_edits import by
from tests.manifest.test_fields import entry, live


def removals(obj: dict[str, Any]) -> list[str]:
    return [op["path"] for op in removal_patch(obj, foreign_fields(obj)) if op["op"] == "remove"]


def entries(obj: dict[str, Any]) -> list[dict[str, Any]]:
    (kept,) = [op["value"] for op in removal_patch(obj, foreign_fields(obj)) if op["op"] == "replace"]
    result: list[dict[str, Any]] = kept
    return result


def test_without_edits_there_is_nothing_to_send() -> None:
    assert removal_patch(live({}), ()) == []


def test_the_patch_is_tested_against_the_version_the_edits_were_seen_in() -> None:
    obj = live({"spec": {"debug": True}}, by("kubectl-edit", {"f:spec": {"f:debug": {}}}), entry({"f:spec": {"f:a": {}}}))
    patch = removal_patch(obj, foreign_fields(obj))
    assert patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


def test_items_are_taken_from_the_last_to_the_first() -> None:
    added: dict[str, Any] = {f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}} for name in ("x", "y")}
    items = [{"name": "x"}, {"name": "web"}, *({"name": f"n{number}"} for number in range(9)), {"name": "y"}]
    ours: dict[str, Any] = {'k:{"name":"web"}': {".": {}, "f:name": {}}}
    obj = live({"c": items}, entry({"f:c": ours}), by("kubectl-edit", {"f:c": added}))
    assert removals(obj) == ["/c/11", "/c/0"]


def test_the_writers_claim_is_cut_by_what_is_taken_back() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:debug": {}, "f:image": {}}}
    ours = entry({"f:spec": {"f:image": {}}})
    obj = live({"spec": {"debug": True, "image": "a"}}, ours, by("kubectl-edit", fields))
    assert [managed_entry["fieldsV1"] for managed_entry in entries(obj)] == [ours["fieldsV1"], {"f:spec": {"f:image": {}}}]


def test_a_writer_who_owned_nothing_else_disappears() -> None:
    ours = entry({"f:spec": {"f:image": {}}})
    obj = live({"spec": {"debug": True, "image": "a"}}, ours, by("kubectl-edit", {"f:spec": {".": {}, "f:debug": {}}}))
    assert entries(obj) == [ours]


def test_the_claims_of_others_are_left_as_they_are() -> None:
    other = by("some-controller", {"f:status": {"f:x": {}}}, subresource="status")
    ours = entry({"f:spec": {"f:image": {}}})
    obj = live({"spec": {"debug": True, "image": "a"}}, other, ours, by("kubectl-edit", {"f:spec": {"f:debug": {}}}))
    assert entries(obj) == [other, ours]


def test_keys_with_slashes_are_found_again() -> None:
    fields: dict[str, Any] = {"f:labels": {"f:example.com/a~b": {}}}
    obj = live(
        {"labels": {"example.com/a~b": "x", "ours": "y"}}, by("kubectl-label", fields), entry({"f:labels": {"f:ours": {}}})
    )
    assert removals(obj) == ["/labels/example.com~1a~0b"]
    assert len(entries(obj)) == 1


def test_one_path_named_by_two_writers_is_removed_once() -> None:
    obj = live({"a": {"b": 1, "c": 2}})
    edits = [FieldEdit(path="/a/b", manager=manager, operation="Update", time="") for manager in ("kubectl-edit", "k9s")]
    assert [op["path"] for op in removal_patch(obj, edits) if op["op"] == "remove"] == ["/a/b"]


def test_the_live_object_is_not_changed() -> None:
    obj = live({"spec": {"debug": True}}, by("kubectl-edit", {"f:spec": {"f:debug": {}}}), entry({"f:spec": {"f:a": {}}}))
    before = copy(obj)
    removal_patch(obj, foreign_fields(obj))
    assert obj == before


def port_edit(path: str) -> FieldEdit:
    return FieldEdit(path=path, manager="kubectl-edit", operation="Update", time="")


DECLARED = {"spec": {"ports": [{"port": 80}]}}


@pytest.mark.parametrize(
    ("ports", "path", "expected"),
    [
        ([{"port": 81, "protocol": "TCP"}], "/spec/ports", [{"port": 80}]),
        ([{"port": 81, "protocol": "TCP"}], "/spec/ports/0", [{"port": 80}]),
        (
            [{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"}],
            "/spec/ports/1",
            [{"port": 80, "protocol": "TCP"}],
        ),
    ],
)
def test_declared_items_take_the_place_of_undeclared_ones(
    ports: list[dict[str, object]], path: str, expected: list[dict[str, object]]
) -> None:
    renumbered: dict[str, Any] = {"metadata": {"resourceVersion": "7", "managedFields": []}, "spec": {"ports": ports}}

    patch = exchange_patch(renumbered, [port_edit(path)], DECLARED)

    assert patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert patch[1] == {"op": "replace", "path": "/spec/ports", "value": expected}


def test_fields_that_are_no_items_of_a_declared_list_are_not_exchanged() -> None:
    renumbered: dict[str, Any] = {
        "metadata": {"resourceVersion": "7"},
        "spec": {"sessionAffinity": "ClientIP", "externalIPs": ["10.0.0.1"]},
    }

    assert exchange_patch(renumbered, [port_edit("/spec/sessionAffinity"), port_edit("/spec/externalIPs")], DECLARED) == []


def test_what_a_manager_owns_is_dropped_and_nothing_else() -> None:
    entries = [{"manager": "a"}, {"manager": "b"}]
    renumbered: dict[str, Any] = {"metadata": {"resourceVersion": "7", "managedFields": entries}}

    assert release_patch(renumbered, "b")[1]["value"] == [{"manager": "a"}]
    assert release_patch(renumbered, "c") == []
