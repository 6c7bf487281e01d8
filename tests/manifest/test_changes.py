from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.canonical import canonical
from gitops_agent.manifest.changes import ABSENT, Change, changes, resolve

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~[=", max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~", max_size=3), inner, max_size=4)
)
named = st.lists(st.fixed_dictionaries({"name": st.sampled_from("abcd"), "v": scalars}), max_size=4)


def test_a_changed_scalar_is_one_change_with_its_path() -> None:
    assert changes({"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}) == (Change("/spec/replicas", 1, 2),)


def test_what_is_only_on_one_side_is_absent_on_the_other() -> None:
    assert changes({"a": 1}, {"b": 2}) == (Change("/a", 1, ABSENT), Change("/b", ABSENT, 2))


def test_a_null_is_not_absent() -> None:
    assert changes({}, {"a": None}) == (Change("/a", ABSENT, None),)


def test_true_is_not_one() -> None:
    assert changes({"a": True}, {"a": 1}) == (Change("/a", True, 1),)


def test_an_inserted_container_is_one_change_and_no_shifted_tail() -> None:
    old = [{"name": "web", "image": "a"}, {"name": "log", "image": "b"}]
    new = [{"name": "init", "image": "c"}, *old]
    assert changes(old, new) == (Change("/[name=init]", ABSENT, {"name": "init", "image": "c"}),)


def test_named_items_in_another_order_are_a_change_of_order() -> None:
    old = [{"name": "a"}, {"name": "b"}]
    assert changes({"env": old}, {"env": old[::-1]}) == (Change("/env", ["[name=a]", "[name=b]"], ["[name=b]", "[name=a]"]),)


def test_items_without_a_name_are_compared_by_position() -> None:
    assert changes(["a", "b"], ["a", "c", "d"]) == (Change("/1", "b", "c"), Change("/2", ABSENT, "d"))


def test_items_that_share_a_name_are_compared_by_position() -> None:
    old = [{"name": "a", "v": 1}, {"name": "a", "v": 2}]
    assert changes(old, [{"name": "a", "v": 1}, {"name": "a", "v": 3}]) == (Change("/1/v", 2, 3),)


def test_ports_of_one_number_are_told_apart_by_their_protocol() -> None:
    old = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "targetPort": 1}]
    new = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "targetPort": 2}]
    assert changes(old, new) == (Change("/[port=53,protocol=UDP]/targetPort", 1, 2),)


def test_a_port_that_leaves_its_protocol_out_is_the_tcp_one() -> None:
    old, new = [{"port": 80}], [{"port": 80, "protocol": "TCP"}]
    assert changes(old, new) == (Change("/[port=80]/protocol", ABSENT, "TCP"),)


def test_slashes_and_tildes_in_keys_are_escaped() -> None:
    (change,) = changes({"example.com/a~b": 1}, {})
    assert change.path == "/example.com~1a~0b"


@given(values)
def test_equal_values_have_no_changes(value: Any) -> None:
    assert changes(value, value) == ()


@given(values, values)
def test_different_values_have_a_change(old: Any, new: Any) -> None:
    assert bool(changes(old, new)) == (canonical(old) != canonical(new))


@given(
    st.dictionaries(st.text("ab/~", max_size=3), values, max_size=3),
    st.dictionaries(st.text("ab/~", max_size=3), values | named, max_size=3),
)
def test_every_path_resolves_to_what_it_reports(old: Any, new: Any) -> None:
    for change in changes(old, new):
        if isinstance(change.old, list) and all(isinstance(item, str) and item.startswith("[") for item in change.old):
            continue  # a change of order
        assert repr(resolve(old, change.path)) == repr(change.old)
        assert repr(resolve(new, change.path)) == repr(change.new)


def test_an_item_is_resolved_by_name_and_by_position() -> None:
    obj = {"c": [{"name": "a"}, {"name": "b/c", "image": "x"}]}
    assert resolve(obj, "/c/[name=b~1c]/image") == resolve(obj, "/c/1/image") == "x"


def test_what_is_not_there_resolves_to_absent() -> None:
    assert resolve({"a": [1]}, "/a/3") is ABSENT
    assert resolve({"a": 1}, "/a/b") is ABSENT
    assert resolve({"a": [{"name": "x"}]}, "/a/[name=y]") is ABSENT
