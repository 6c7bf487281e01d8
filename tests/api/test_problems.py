from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.model import Model
from gitops_agent.api.problems import Problem, SpecInvalid, read


class Leaf(Model):
    some_value: int = 0


class Root(Model):
    leaves: tuple[Leaf, ...] = ()
    one_leaf: Leaf | None = None


def problems(value: Any) -> list[str]:
    with pytest.raises(SpecInvalid) as caught:
        read(Root, value, root="spec")
    return [str(problem) for problem in caught.value.problems]


def test_a_path_names_the_list_entry() -> None:
    assert problems({"leaves": [{}, {"someValue": "x"}]}) == ["spec.leaves[1].someValue: is not a whole number"]


def test_an_unknown_key_gets_the_nearest_known_one_of_its_own_place() -> None:
    assert problems({"oneLeaf": {"somevalue": 1}}) == ["spec.oneLeaf.somevalue: is unknown; did you mean someValue?"]


def test_an_unknown_key_that_is_near_nothing_gets_the_list() -> None:
    assert problems({"zzz": 1}) == ["spec.zzz: is unknown; known are leaves, oneLeaf"]


def test_what_is_no_json_is_a_problem() -> None:
    assert problems({"leaves": {1, 2}}) == ["spec: is not a JSON value, or nested too deeply"]


def test_a_long_key_is_cut() -> None:
    assert len(problems({"z" * 5000: 1})[0]) < 200


def test_the_message_shows_ten_problems_and_counts_the_rest() -> None:
    error = SpecInvalid([Problem(path=f"spec.f{number}", message="is bad") for number in range(12)])

    assert str(error).endswith("spec.f9: is bad; and 2 more")
    assert len(error.facts["problems"]) == 12
