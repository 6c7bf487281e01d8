"""What every provider has in common, over all goldens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import RenderError
from gitops_agent.manifest.canonical import canonical, copy
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.traffic.registry import CAPABILITIES, Capability
from gitops_agent.rollout.traffic.router import Match, MatchOn, Mirror, Verdict
from tests.rollout.traffic.cases import NAMES, Case, case
from tests.rollout.traffic.live import served

NOTHING = {"weight": 0, "match": None, "mirror": None}


def verdict(found: Case, live: list[dict[str, object]], **changed: object) -> Verdict:
    return CAPABILITIES[found.provider].provider.verify(live, **{**found.arguments, **changed}).verdict


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_the_golden(name: str) -> None:
    assert case(name).sent() == case(name).expected


@pytest.mark.parametrize("name", NAMES)
def test_nothing_asked_is_exactly_git(name: str) -> None:
    assert case(name).sent(**NOTHING) == case(name).routes


@pytest.mark.parametrize("name", NAMES)
def test_git_is_never_changed_and_the_same_is_sent_again(name: str) -> None:
    found = case(name)
    before = copy(list(found.routes))

    assert canonical(found.sent()) == canonical(found.sent())
    assert list(found.routes) == before


@pytest.mark.parametrize("name", NAMES)
def test_laying_over_what_is_live_is_refused(name: str) -> None:
    found = case(name)
    live = Case(provider=found.provider, arguments=found.arguments, routes=found.expected, expected=())
    if found.provider == "nginx":
        with pytest.raises(RenderError):
            Case(
                provider="nginx", arguments={**found.arguments, "service": "web-canary"}, routes=found.expected, expected=()
            ).sent()
    else:
        with pytest.raises(RenderError):
            live.sent()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_sent_is_verified_and_nothing_else_is(name: str) -> None:
    found = case(name)
    live = served(found.expected)

    assert verdict(found, live) is Verdict.READY
    assert verdict(found, served(found.routes)) is Verdict.NOT_YET
    assert verdict(found, live, **NOTHING) is Verdict.NOT_YET
    assert verdict(found, served(found.routes), **NOTHING) is Verdict.READY
    assert (
        verdict(found, live, weight=found.arguments["weight"] + 13 if found.arguments["weight"] < 80 else 50) is Verdict.NOT_YET
    )


@pytest.mark.parametrize("name", [name for name in NAMES if "nginx" not in name])
def test_nothing_live_is_not_yet(name: str) -> None:
    assert verdict(case(name), []) is Verdict.NOT_YET


@pytest.mark.parametrize("name", NAMES)
def test_routes_that_do_not_name_the_service_are_refused(name: str) -> None:
    with pytest.raises(RenderError, match="Service api") as caught:
        case(name).sent(service="api")

    assert caught.value.reason == "TrafficRefused"


def laid(
    found: Capability, routes: tuple[Object, ...], *, match: Match | None = None, mirror: Mirror | None = None
) -> tuple[Object, ...]:
    return found.provider.overlay(routes, service="web", canary_service="web-canary", weight=0, match=match, mirror=mirror)


@pytest.mark.parametrize("capability", CAPABILITIES.values(), ids=list(CAPABILITIES))
@pytest.mark.parametrize("on", MatchOn)
def test_the_table_says_what_is_refused(capability: Capability, on: MatchOn) -> None:
    found = capability
    routes = next((case(name).routes[:1] for name in NAMES if case(name).provider == found.name), ())
    modes = found.header if on is MatchOn.HEADER else found.cookie
    for mode in CAPABILITIES["gatewayAPI"].header:
        match = Match(on=on, name="user", value="always", mode=mode)
        if mode in modes:
            assert laid(found, routes, match=match) != routes
        else:
            with pytest.raises(RenderError):
                laid(found, routes, match=match)
    if not found.mirror:
        with pytest.raises(RenderError):
            laid(found, routes, mirror=Mirror(percent=1))


@given(st.sampled_from([name for name in NAMES if name.endswith("weight")]), st.integers(0, 100))
def test_every_weight_is_sent_and_verified(name: str, weight: int) -> None:
    found = case(name)

    assert verdict(found, served(found.sent(weight=weight)), weight=weight) is Verdict.READY
    assert found.sent(weight=weight)[: len(found.routes)] != found.routes or weight == 0 or found.provider == "nginx"
