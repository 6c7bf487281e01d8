from __future__ import annotations

from itertools import pairwise

import pytest

from gitops_agent.sync.action import PlanError
from gitops_agent.sync.ordering.cycles import break_cycles
from gitops_agent.sync.ordering.graph import Edge, Until
from tests.sync.samples import key

A, B, C, D = (key("ConfigMap", name) for name in "abcd")


def hard(before: object) -> Edge:
    return Edge(before, Until.HEALTHY, "", "depends-on")  # type: ignore[arg-type]


def soft(before: object) -> Edge:
    return Edge(before, Until.APPLIED, "", "access")  # type: ignore[arg-type]


def test_a_circle_is_an_error_that_prints_it() -> None:
    with pytest.raises(PlanError) as caught:
        break_cycles({A: [hard(B)], B: [hard(C)], C: [hard(A)], D: [hard(A)]})
    assert caught.value.reason == "DependencyCycle"
    assert str(caught.value).endswith("ConfigMap:shop/a → ConfigMap:shop/b → ConfigMap:shop/c → ConfigMap:shop/a")
    assert caught.value.facts["cycle"] == ["ConfigMap:shop/a", "ConfigMap:shop/b", "ConfigMap:shop/c"]


def test_an_object_that_waits_for_itself_is_a_circle() -> None:
    with pytest.raises(PlanError, match="ConfigMap:shop/a → ConfigMap:shop/a"):
        break_cycles({A: [hard(A)]})


def test_a_preference_gives_way_where_it_closes_a_circle_and_only_there() -> None:
    assert break_cycles({A: [soft(B)], B: [hard(A), soft(C)]}) == {A: [], B: [hard(A), soft(C)]}


def test_without_a_circle_everything_stays() -> None:
    edges = {A: [soft(B), hard(C)], B: [hard(C)]}
    assert break_cycles(edges) == edges


def test_a_very_long_chain_is_no_problem() -> None:
    keys = [key("ConfigMap", f"{number:05}") for number in range(5000)]
    edges = {later: [hard(earlier)] for earlier, later in pairwise(keys)}
    assert break_cycles(edges) == edges
