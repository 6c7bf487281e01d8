from __future__ import annotations

import pytest

from gitops_agent.rollout.analysis.http_query import QueryInvalid
from gitops_agent.rollout.analysis.query_template import fill


def test_places_are_filled_and_the_braces_of_promql_stay() -> None:
    query = 'sum(rate(requests{pod=~"web-{{ variant }}.*",ns="{{namespace}}"}[1m]))'

    assert fill(query, {"variant": "canary", "namespace": "shop"}) == 'sum(rate(requests{pod=~"web-canary.*",ns="shop"}[1m]))'


def test_an_unknown_place_is_refused_with_the_known_ones() -> None:
    with pytest.raises(QueryInvalid, match="'varaint', there are hash, variant"):
        fill("{{varaint}}", {"variant": "canary", "hash": "ab"})


def test_a_value_that_could_end_a_text_is_not_put_in() -> None:
    with pytest.raises(QueryInvalid):
        fill("{{variant}}", {"variant": '"} or vector(0)'})
