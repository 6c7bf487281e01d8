from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import DIGEST, marked
from gitops_agent.manifest.ownership import agrees, covers, pack
from tests.manifest.test_fields import bodies, entry, live, owned_all, with_noise

MARKED: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{DIGEST}": {}}}}


def packed(fields: dict[str, Any], body: dict[str, Any]) -> bytes:
    result = pack(live(body, entry({**MARKED, **fields})))
    assert result is not None
    return result


def test_an_object_we_never_applied_has_nothing_to_pack() -> None:
    assert pack(live({"spec": {}})) is None


@given(bodies)
def test_a_set_that_owns_all_that_was_sent_covers_it(body: dict[str, Any]) -> None:
    desired = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": body}
    stored = packed({"f:spec": owned_all(body)}, {"spec": with_noise(body)})
    assert covers(stored, desired)
    assert covers(stored, {**desired, "metadata": {"name": "a", "namespace": "b"}, "status": {"x": 1}})


@given(bodies)
def test_a_set_that_lost_any_field_does_not(body: dict[str, Any]) -> None:
    for name in body if len(body) > 1 else ():
        fields = owned_all({key: value for key, value in body.items() if key != name})
        assert not covers(packed({"f:spec": fields}, {"spec": body}), {"spec": body})


def test_without_our_digest_annotation_nothing_is_proved() -> None:
    stored = pack(live({"data": {"a": "1"}}, entry({"f:data": {"f:a": {}}})))
    assert stored is not None
    assert not covers(stored, {"data": {"a": "1"}})


def test_a_marked_manifest_is_covered_when_its_marks_are_owned_too() -> None:
    desired = marked(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1"}},
        application=AppKey("g", "a"),
        digest="d",
        revision="r",
    )
    fields = owned_all(
        {"metadata": {name: desired["metadata"][name] for name in ("labels", "annotations")}, "data": desired["data"]}
    )
    stored = pack(live({"data": {"a": "1"}}, entry(fields)))
    assert stored is not None
    assert covers(stored, desired)


def test_a_port_without_its_protocol_is_the_one_the_server_completed() -> None:
    fields: dict[str, Any] = {
        'k:{"port":53,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
        'k:{"port":53,"protocol":"UDP"}': {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}},
    }
    ports = [{"port": 53, "name": "a"}, {"port": 53, "protocol": "UDP", "name": "b"}]
    stored = packed({"f:ports": fields}, {"ports": ports})
    assert covers(stored, {"ports": ports})
    assert covers(stored, {"ports": ports[::-1]})
    assert not covers(stored, {"ports": [*ports, {"port": 53, "protocol": "SCTP"}]})


@pytest.mark.parametrize(("filled", "expected"), [([], True), ([{"name": "A"}], False)])
def test_an_empty_list_that_is_owned_by_no_manager_is_covered_while_it_is_empty(filled: list[Any], *, expected: bool) -> None:
    stored = packed({"f:spec": {"f:image": {}}}, {"spec": {"image": "x", "env": filled}})
    assert covers(stored, {"spec": {"image": "x", "env": []}}) is expected


def test_an_atomic_value_is_covered_as_a_whole() -> None:
    assert covers(packed({"f:selector": {}}, {"selector": {"a": "b"}}), {"selector": {"a": "b"}})


def test_sets_are_covered_member_by_member() -> None:
    stored = packed({"f:set": {'v:"a"': {}, 'v:"b"': {}}}, {"set": ["a", "b"]})
    assert covers(stored, {"set": ["b", "a"]})
    assert not covers(stored, {"set": ["a", "c"]})


def test_a_scalar_where_the_set_has_structure_is_not_covered() -> None:
    assert not covers(packed({"f:spec": {"f:a": {}}}, {"spec": {"a": 1}}), {"spec": "text"})


@given(bodies)
def test_the_values_of_an_unmodified_object_agree(body: dict[str, Any]) -> None:
    stored = packed({"f:spec": owned_all(body)}, {"spec": with_noise(body)})
    assert agrees(stored, {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": body})


@pytest.mark.parametrize(
    ("declared", "live", "expected"),
    [
        ("red", "red", True),
        ("red", "evil", False),
        ("x" * 500, "x" * 500, True),
        ("x" * 500, "x" * 499 + "y", False),
        ({"limits": {"cpu": "1000m"}}, {"limits": {"cpu": "1"}}, True),
        ({"limits": {"cpu": "1000m"}}, {"limits": {"cpu": "2"}}, False),
        ({"mode": "1000m"}, {"mode": "1"}, False),
        (["a", "b"], ["b", "a"], False),
        (["a"], ["a", "b"], False),
    ],
)
def test_another_value_under_our_own_name_does_not_agree(declared: Any, live: Any, *, expected: bool) -> None:
    stored = packed({"f:data": {}}, {"data": {"key": live}})
    assert agrees(stored, {"data": {"key": declared}}) is expected


def test_items_with_keys_agree_in_any_order() -> None:
    fields: dict[str, Any] = {
        'k:{"name":"a"}': {".": {}, "f:name": {}, "f:image": {}},
        'k:{"name":"b"}': {".": {}, "f:name": {}, "f:image": {}},
    }
    live = [{"name": "b", "image": "2"}, {"name": "a", "image": "1", "defaulted": True}]
    stored = packed({"f:items": fields}, {"items": live})
    assert agrees(stored, {"items": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]})
    assert not agrees(stored, {"items": [{"name": "a", "image": "2"}, {"name": "b", "image": "2"}]})


def test_an_item_that_is_owned_as_a_whole_is_covered_as_a_whole() -> None:
    fields: dict[str, Any] = {"f:list": {'k:{"name":"a"}': {}}}

    assert covers(packed(fields, {"list": [{"name": "a", "v": 1}]}), {"list": [{"name": "a", "v": 1}]})
