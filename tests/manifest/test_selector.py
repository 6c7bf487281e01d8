from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.selector import matches, matches_labels, query


@pytest.mark.parametrize(
    ("requirement", "selected"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "x"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, False),
        ({"key": "tier", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "tier", "operator": "Exists"}, False),
        ({"key": "tier", "operator": "DoesNotExist"}, True),
        ({"key": "app", "operator": "Unheard"}, False),
    ],
)
def test_selectors_with_expressions_are_understood(requirement: Object, selected: bool) -> None:  # noqa: FBT001 - a table
    assert matches({"matchExpressions": [requirement]}, {"app": "web"}) is selected


def test_an_absent_selector_finds_nothing_and_an_empty_one_everything() -> None:
    assert not matches(None, {"app": "web"})
    assert matches({}, {"app": "web"})


def test_labels_match_what_holds_every_pair() -> None:
    assert matches_labels({"app": "web"}, {"app": "web", "tier": "front"})
    assert not matches_labels({"app": "web"}, {"app": "api"})
    assert not matches_labels({"app": None}, {})


def test_a_selector_is_spelled_as_the_api_takes_it() -> None:
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["y", "x"]},
            {"key": "env", "operator": "NotIn", "values": ["test"]},
            {"key": "c", "operator": "Exists"},
            {"key": "d", "operator": "DoesNotExist"},
        ],
    }

    assert query(selector) == "a=1,b=2,tier in (x,y),env notin (test),c,!d"
    assert query(None) == ""
