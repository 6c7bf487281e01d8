from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.analysis.http_query import QueryInvalid
from gitops_agent.rollout.analysis.json_path import at, steps

ANSWER = {"data": {"items": [{"value": 1}, {"value": 2}], "error rate": 3, "a/b": 4, "0": 5}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ANSWER),
        ("$", ANSWER),
        ("$.data.items[0].value", 1),
        ("data.items[-1].value", 2),
        ("$['data']['error rate']", 3),
        ('$.data["a/b"]', 4),
        ("/data/items/1/value", 2),
        ("/data/a~1b", 4),
        ("/data/0", 5),
        ("data.items[7].value", None),
        ("data.absent.deep", None),
        ("data.items.value", None),
    ],
)
def test_a_path_names_one_place(path: str, expected: Any) -> None:
    assert at(ANSWER, steps(path)) == expected


@pytest.mark.parametrize("path", ["$.data[*]", "$..value", "data.items[?(@.value)]", "data items", "a." * 100 + "a"])
def test_what_would_name_several_places_is_refused(path: str) -> None:
    with pytest.raises(QueryInvalid):
        steps(path)


@given(st.lists(st.text(max_size=4), max_size=4))
def test_a_pointer_reaches_every_key(keys: list[str]) -> None:
    answer: Any = "found"
    for key in reversed(keys):
        answer = {key: answer}

    assert at(answer, steps("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))) == "found"
