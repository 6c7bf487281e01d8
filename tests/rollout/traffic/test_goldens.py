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


def verdict(golden: Case, live: list[dict[str, object]], **changed: object) -> Verdict:
    return CAPABILITIES[golden.provider].provider.verify(live, **{**golden.arguments, **changed}).verdict


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_the_golden(name: str) -> None:
    assert case(name).sent() == case(name).expected


@pytest.mark.parametrize("name", NAMES)
def test_nothing_asked_is_exactly_git(name: str) -> None:
    assert case(name).sent(**NOTHING) == case(name).routes


@pytest.mark.parametrize("name", NAMES)
def test_git_is_never_changed_and_the_same_is_sent_again(name: str) -> None:
    golden = case(name)
    before = copy(list(golden.routes))

    assert canonical(golden.sent()) == canonical(golden.sent())
    assert list(golden.routes) == before


@pytest.mark.parametrize("name", NAMES)
def test_laying_over_what_is_live_is_refused(name: str) -> None:
    golden = case(name)
    live = Case(provider=golden.provider, arguments=golden.arguments, routes=golden.expected, expected=())
    if golden.provider == "nginx":
        with pytest.raises(RenderError):
            Case(
                provider="nginx", arguments={**golden.arguments, "service": "web-canary"}, routes=golden.expected, expected=()
            ).sent()
    else:
        with pytest.raises(RenderError):
            live.sent()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_sent_is_verified_and_nothing_else_is(name: str) -> None:
    golden = case(name)
    live = served(golden.expected)

    assert verdict(golden, live) is Verdict.READY
    assert verdict(golden, served(golden.routes)) is Verdict.NOT_YET
    assert verdict(golden, live, **NOTHING) is Verdict.NOT_YET
    assert verdict(golden, served(golden.routes), **NOTHING) is Verdict.READY
    assert (
        verdict(golden, live, weight=golden.arguments["weight"] + 13 if golden.arguments["weight"] < 80 else 50)
        is Verdict.NOT_YET
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
    capability: Capability, routes: tuple[Object, ...], *, match: Match | None = None, mirror: Mirror | None = None
) -> tuple[Object, ...]:
    return capability.provider.overlay(routes, service="web", canary_service="web-canary", weight=0, match=match, mirror=mirror)


@pytest.mark.parametrize("capability", CAPABILITIES.values(), ids=list(CAPABILITIES))
@pytest.mark.parametrize("on", MatchOn)
def test_the_table_says_what_is_refused(capability: Capability, on: MatchOn) -> None:
    entry = capability
    routes = next((case(name).routes[:1] for name in NAMES if case(name).provider == entry.name), ())
    modes = entry.header if on is MatchOn.HEADER else entry.cookie
    for mode in CAPABILITIES["gatewayAPI"].header:
        match = Match(on=on, name="user", value="always", mode=mode)
        if mode in modes:
            assert laid(entry, routes, match=match) != routes
        else:
            with pytest.raises(RenderError):
                laid(entry, routes, match=match)
    if not entry.mirror:
        with pytest.raises(RenderError):
            laid(entry, routes, mirror=Mirror(percent=1))


@given(st.sampled_from([name for name in NAMES if name.endswith("weight")]), st.integers(0, 100))
def test_every_weight_is_sent_and_verified(name: str, weight: int) -> None:
    golden = case(name)

    assert verdict(golden, served(golden.sent(weight=weight)), weight=weight) is Verdict.READY
    assert golden.sent(weight=weight)[: len(golden.routes)] != golden.routes or weight == 0 or golden.provider == "nginx"
