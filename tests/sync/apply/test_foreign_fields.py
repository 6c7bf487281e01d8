from __future__ import annotations

from typing import Any

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.edits import FieldEdit, foreign_fields
from gitops_agent.sync.apply.foreign_fields import removal_patch
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
    assert [one["fieldsV1"] for one in entries(obj)] == [ours["fieldsV1"], {"f:spec": {"f:image": {}}}]


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
