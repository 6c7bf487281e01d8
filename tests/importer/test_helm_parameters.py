from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.importer.helm_parameters import place, set_parameter
from gitops_agent.manifest.key import Object


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("a", "x", {"a": "x"}),
        ("a.b.c", "1", {"a": {"b": {"c": 1}}}),
        (r"a\.b/c", "x", {"a.b/c": "x"}),
        ("a[1].b", "x", {"a": [None, {"b": "x"}]}),
        ("a[0][1]", "x", {"a": [[None, "x"]]}),
        ("a", "true", {"a": True}),
        ("a", "null", {"a": None}),
        ("a", "1.5", {"a": "1.5"}),
        ("a", "007", {"a": "007"}),
        ("a", "{x,2}", {"a": ["x", 2]}),
        ("a", "{}", {"a": []}),
        ("a", "", {"a": ""}),
    ],
)
def test_a_parameter_is_a_value_at_a_place(name: str, text: str, values: Object) -> None:
    result: Object = {}

    set_parameter(result, name, text)

    assert result == values


def test_a_forced_text_stays_text() -> None:
    values: Object = {}

    set_parameter(values, "a", "true", force_string=True)

    assert values == {"a": "true"}


def test_parameters_are_merged_into_values() -> None:
    values: Object = {"image": {"tag": 1, "name": "web"}, "list": "text"}

    assert set_parameter(values, "image.tag", "2") is False
    assert set_parameter(values, "list[0]", "x") is True

    assert values == {"image": {"tag": 2, "name": "web"}, "list": ["x"]}


@pytest.mark.parametrize("name", ["", ".", "a..b", "a.", "[0]", "a[", "a[x]", "a[1001]", "a[9999999]"])
def test_what_names_no_place_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name of a parameter|larger than"):
        set_parameter({}, name, "x")


def test_a_place_is_a_list_of_steps() -> None:
    steps: list[Any] = ["a", 0, "b.c"]

    assert place(r"a[0].b\.c") == steps
