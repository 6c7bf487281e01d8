from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.canonical import canonical
from gitops_agent.manifest.field_report import FieldChange, field_changes, object_changes
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.merge_keys import ABSENT, resolve

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~[=", max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~", max_size=3), inner, max_size=4)
)
named = st.lists(st.fixed_dictionaries({"name": st.sampled_from("abcd"), "v": scalars}), max_size=4)


def test_a_changed_scalar_is_one_change_with_its_path() -> None:
    assert field_changes({"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}) == (FieldChange("/spec/replicas", 1, 2),)


def test_what_is_only_on_one_side_is_absent_on_the_other() -> None:
    assert field_changes({"a": 1}, {"b": 2}) == (FieldChange("/a", 1, ABSENT), FieldChange("/b", ABSENT, 2))


def test_a_null_is_not_absent() -> None:
    assert field_changes({}, {"a": None}) == (FieldChange("/a", ABSENT, None),)


def test_true_is_not_one() -> None:
    assert field_changes({"a": True}, {"a": 1}) == (FieldChange("/a", True, 1),)


def test_an_inserted_container_is_one_change_and_no_shifted_tail() -> None:
    old = [{"name": "web", "image": "a"}, {"name": "log", "image": "b"}]
    new = [{"name": "init", "image": "c"}, *old]
    assert field_changes(old, new) == (FieldChange("/[name=init]", ABSENT, {"name": "init", "image": "c"}),)


def test_named_items_in_another_order_are_a_change_of_order() -> None:
    old = [{"name": "a"}, {"name": "b"}]
    assert field_changes({"env": old}, {"env": old[::-1]}) == (
        FieldChange("/env", ["[name=a]", "[name=b]"], ["[name=b]", "[name=a]"]),
    )


def test_items_without_a_name_are_compared_by_position() -> None:
    assert field_changes(["a", "b"], ["a", "c", "d"]) == (FieldChange("/1", "b", "c"), FieldChange("/2", ABSENT, "d"))


def test_items_that_share_a_name_are_compared_by_position() -> None:
    old = [{"name": "a", "v": 1}, {"name": "a", "v": 2}]
    assert field_changes(old, [{"name": "a", "v": 1}, {"name": "a", "v": 3}]) == (FieldChange("/1/v", 2, 3),)


def test_ports_of_one_number_are_distinguished_by_their_protocol() -> None:
    old = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "targetPort": 1}]
    new = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "targetPort": 2}]
    assert field_changes(old, new) == (FieldChange("/[port=53,protocol=UDP]/targetPort", 1, 2),)


def test_a_port_that_leaves_its_protocol_out_is_the_tcp_one() -> None:
    old, new = [{"port": 80}], [{"port": 80, "protocol": "TCP"}]
    assert field_changes(old, new) == (FieldChange("/[port=80]/protocol", ABSENT, "TCP"),)


def test_slashes_and_tildes_in_keys_are_escaped() -> None:
    (change,) = field_changes({"example.com/a~b": 1}, {})
    assert change.path == "/example.com~1a~0b"


@given(values)
def test_equal_values_have_no_changes(value: Any) -> None:
    assert field_changes(value, value) == ()


@given(values, values)
def test_different_values_have_a_change(old: Any, new: Any) -> None:
    assert bool(field_changes(old, new)) == (canonical(old) != canonical(new))


@given(
    st.dictionaries(st.text("ab/~", max_size=3), values, max_size=3),
    st.dictionaries(st.text("ab/~", max_size=3), values | named, max_size=3),
)
def test_every_path_resolves_to_what_it_reports(old: Any, new: Any) -> None:
    for change in field_changes(old, new):
        if isinstance(change.old, list) and all(isinstance(item, str) and item.startswith("[") for item in change.old):
            continue  # a change of order
        assert repr(resolve(old, change.path)) == repr(change.old)
        assert repr(resolve(new, change.path)) == repr(change.new)


def test_a_path_is_printed_as_people_write_it() -> None:
    def deployment(image: str, *, port: int = 80) -> Object:
        container = {"name": "web", "image": image, "ports": [{"containerPort": port}], "args": [image]}
        return {"spec": {"template": {"spec": {"containers": [container]}}}}

    changed = field_changes(deployment("web:1"), deployment("web:2", port=81))

    assert [change.field for change in changed] == [
        "spec.template.spec.containers[web].image",
        "spec.template.spec.containers[web].ports[80]",
        "spec.template.spec.containers[web].ports[81]",
        "spec.template.spec.containers[web].args[0]",
    ]


def test_a_volume_mounted_twice_is_distinguished_by_its_path() -> None:
    old = {"volumeMounts": [{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}]}
    new = {"volumeMounts": [*old["volumeMounts"], {"name": "cache", "mountPath": "/cache"}]}

    (change,) = field_changes(old, new)

    assert change.field == "volumeMounts[/cache]"


def test_items_replaced_at_the_same_place_are_a_removal_and_an_addition() -> None:
    old, new = [{"name": "web"}, {"name": "log"}], [{"name": "web"}, {"name": "proxy"}]

    assert [change.path for change in field_changes(old, new)] == ["/[name=log]", "/[name=proxy]"]


def test_a_change_in_an_item_that_moved_is_reported_beside_the_new_order() -> None:
    old = [{"name": "a", "v": 1}, {"name": "b", "v": 1}]
    new = [{"name": "b", "v": 2}, {"name": "a", "v": 1}]

    assert [change.path for change in field_changes(old, new)] == ["", "/[name=b]/v"]


def test_an_amount_spelled_differently_is_no_change() -> None:
    def pod(cpu: Any, memory: str) -> Object:
        return {"spec": {"containers": [{"name": "web", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]}}

    assert field_changes(pod("1000m", "1Gi"), pod(1, "1024Mi")) == ()
    assert [change.new for change in field_changes(pod("1000m", "1Gi"), pod("1001m", "1Gi"))] == ["1001m"]


def test_a_text_that_only_looks_like_an_amount_is_compared_as_text() -> None:
    assert len(field_changes({"data": {"cpu": "1000m"}}, {"data": {"cpu": "1"}})) == 1


def test_names_of_private_variables_are_names_as_any_other() -> None:
    assert field_changes({"__a": 1}, {"__a": 2}) == (FieldChange("/__a", 1, 2),)


def test_a_long_text_is_one_change_and_quick() -> None:
    old, new = ("\n".join(f"{side} {line}" for line in range(20_000)) for side in "ab")

    assert field_changes({"data": {"a": old}}, {"data": {"a": new}}) == (FieldChange("/data/a", old, new),)


def test_what_lies_deeper_than_the_bound_is_reported_as_a_whole() -> None:
    old, new = 1, 2
    for _ in range(200):
        old, new = {"a": old}, {"a": new}  # type: ignore[assignment]

    (change,) = field_changes(old, new)

    assert change.path == "/a" * 64


def test_long_lists_whose_items_would_have_to_be_matched_are_reported_as_a_whole() -> None:
    old, new = ([{"name": f"item-{number}", "v": version} for number in range(600)] for version in (1, 2))

    assert [change.path for change in field_changes({"list": old}, {"list": new})] == ["/list"]


def test_objects_with_many_differences_are_reported_in_full() -> None:
    old, new = ({"data": {f"k{number}": version for number in range(2000)}} for version in ("1", "2"))

    assert len(field_changes(old, new)) == 2000


def test_the_changes_of_a_secret_show_no_value() -> None:
    old, new = ({"apiVersion": "v1", "kind": "Secret", "stringData": {"p": value}} for value in ("old-word", "new-word"))

    assert object_changes(old, new) == (FieldChange("/stringData/p", "<secret #1>", "<secret #2>"),)
