from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from gitops_agent.manifest.generated import SHOWN, blanked, counterpart, encoded, replaced
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.merge_keys import ABSENT

PATHS = ("/data/a", "/items/[name=x]/value", "/list/0", "/absent/x", "/items/[name=z]/value")


def obj(value: str = "1") -> dict[str, Any]:
    items = [{"name": "w", "value": "w"}, {"name": "x", "value": value}]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"a": value},
        "items": items,
        "list": [value],
    }


def test_generated_values_are_left_out_and_the_original_stays() -> None:
    original = obj()
    result = blanked(original, PATHS)
    assert result["data"] == {"a": SHOWN}
    assert [item["value"] for item in result["items"]] == ["w", SHOWN]
    assert result["list"] == [SHOWN]
    assert original == obj()
    assert blanked(original, ()) is original


def test_a_manifest_is_named_without_them() -> None:
    first, other = (Manifest.of(obj(value), generated=PATHS) for value in "12")
    assert first.digest == other.digest
    assert first.obj != other.obj
    assert first.constant == other.constant
    assert first.digest != Manifest.of(obj("1")).digest
    changed = deepcopy(other.obj)
    changed["items"][0]["value"] = "changed"
    assert first.with_object(changed).digest != first.digest
    assert first.with_object(other.obj).digest == first.digest


def test_only_what_exists_is_replaced() -> None:
    assert replaced(obj(), {"/data/b": "2", "/items/[name=z]/value": "2"}) == obj()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/data/a", "2"),
        ("/items/[name=x]/value", "2"),
        ("/list/0", ABSENT),
        ("/items/[name=z]/value", ABSENT),
        ("/data/b", ABSENT),
    ],
)
def test_the_live_value_is_that_of_the_same_item(path: str, value: Any) -> None:
    live = obj("2")
    live["items"].reverse()
    live["list"].insert(0, "other")
    assert counterpart(obj(), live, path) == value


def test_paths_of_plain_data_become_those_of_data() -> None:
    assert encoded(["/stringData/a", "/data/b", "/metadata/x"]) == ("/data/a", "/data/b", "/metadata/x")
