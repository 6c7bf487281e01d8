from __future__ import annotations

import pytest

from gitops_agent.manifest.merge_keys import ABSENT, label, merge_key, resolve


@pytest.mark.parametrize(
    ("field", "item", "names"),
    [
        ("containers", {"name": "web"}, ("name",)),
        ("ports", {"name": "http", "containerPort": 80}, ("containerPort", "protocol")),
        ("ports", {"name": "http", "port": 80}, ("port", "protocol")),
        ("ports", {"name": "http"}, ("name",)),
        ("volumeMounts", {"name": "data", "mountPath": "/data"}, ("mountPath",)),
        ("conditions", {"type": "Ready"}, ("type",)),
        ("", {"key": "a"}, ("key",)),
    ],
)
def test_lists_have_the_merge_keys_of_kubernetes(field: str, item: dict[str, object], names: tuple[str, ...]) -> None:
    assert merge_key(field, [item], [item]) == names


@pytest.mark.parametrize("items", [["a"], [{"name": {}}], [{"name": "a"}, {"name": "a"}], [{"v": 1}]])
def test_lists_that_nothing_identifies_have_none(items: list[object]) -> None:
    assert merge_key("containers", items, items) is None


def test_a_key_with_its_default_is_left_out_of_the_label() -> None:
    assert label(("port", "protocol"), {"port": 53, "protocol": "TCP"}) == "[port=53]"
    assert label(("port", "protocol"), {"port": 53, "protocol": "UDP"}) == "[port=53,protocol=UDP]"


def test_an_item_is_resolved_by_name_and_by_position() -> None:
    obj = {"c": [{"name": "a"}, {"name": "b/c", "image": "x"}]}
    assert resolve(obj, "/c/[name=b~1c]/image") == resolve(obj, "/c/1/image") == "x"


def test_what_is_not_there_resolves_to_absent() -> None:
    assert resolve({"a": [1]}, "/a/3") is ABSENT
    assert resolve({"a": 1}, "/a/b") is ABSENT
    assert resolve({"a": [{"name": "x"}]}, "/a/[name=y]") is ABSENT
