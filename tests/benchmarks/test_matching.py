from __future__ import annotations

import random

import pytest

from benchmarks.traffic.matching import envoy_match, precedence
from gitops_agent.manifest.key import Object


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, {"prefix": "/"}),
        ({"path": {"type": "PathPrefix", "value": "/"}}, {"prefix": "/"}),
        ({"path": {"type": "PathPrefix", "value": "/shop/"}}, {"path_separated_prefix": "/shop"}),
        ({"path": {"type": "Exact", "value": "/shop"}}, {"path": "/shop"}),
        ({"path": {"type": "RegularExpression", "value": "/a.*"}}, {"safe_regex": {"regex": "/a.*"}}),
        (
            {"headers": [{"name": "X-User", "value": "david"}, {"name": "x-user", "value": "ignored"}]},
            {"prefix": "/", "headers": [{"name": "x-user", "string_match": {"exact": "david"}}]},
        ),
        (
            {"headers": [{"type": "RegularExpression", "name": "cookie", "value": "^a=.*$"}]},
            {"prefix": "/", "headers": [{"name": "cookie", "string_match": {"safe_regex": {"regex": "^a=.*$"}}}]},
        ),
        ({"method": "POST"}, {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "POST"}}]}),
        (
            {"queryParams": [{"name": "Beta", "value": "1"}]},
            {"prefix": "/", "query_parameters": [{"name": "Beta", "string_match": {"exact": "1"}}]},
        ),
    ],
)
def test_a_match_is_said_in_envoys_words(match: Object, expected: Object) -> None:
    assert envoy_match(match) == expected


def test_the_more_specific_match_wins_whatever_order_they_are_given_in() -> None:
    header = {"name": "x-user", "value": "david"}
    ranked: list[Object] = [
        {"path": {"type": "Exact", "value": "/a"}},
        {"path": {"type": "RegularExpression", "value": "/a.*"}},
        {"path": {"type": "PathPrefix", "value": "/a/b"}},
        {"path": {"type": "PathPrefix", "value": "/a"}, "method": "GET"},
        {"path": {"type": "PathPrefix", "value": "/a"}, "headers": [header, header]},
        {"path": {"type": "PathPrefix", "value": "/a"}, "headers": [header]},
        {"path": {"type": "PathPrefix", "value": "/a"}, "queryParams": [header]},
        {"path": {"type": "PathPrefix", "value": "/a"}},
        {},
    ]
    shuffled = random.sample(ranked, len(ranked))

    assert sorted(shuffled, key=precedence) == ranked
