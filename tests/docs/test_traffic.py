"""The page about traffic providers against the providers themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent.manifest.yaml import load_all
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "traffic-providers.md"
ROUTED = [name for name, capability in CAPABILITIES.items() if capability.writes]


def section(name: str) -> str:
    """What the page says below a heading."""
    return PAGE.read_text().split(f"\n## {name}\n")[1].split("\n## ")[0]


def row(name: str) -> list[str]:
    """The cells of a provider in the table."""
    line = re.search(rf"^\| `{name}`.*$", PAGE.read_text(), re.MULTILINE)
    assert line is not None
    return [cell.strip() for cell in line[0].strip("|").split("|")]


def test_every_provider_has_its_section_and_its_row() -> None:
    for name in CAPABILITIES:
        assert section(name)
        assert row(name)


@pytest.mark.parametrize("name", ROUTED)
def test_the_printed_route_can_be_divided(name: str) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", section(name), re.DOTALL)
    route = next(iter(load_all(block.encode(), file=name)))
    provider = CAPABILITIES[name].provider

    laid = provider.overlay([route], service="web", canary_service="web-canary", weight=25, match=None, mirror=None)
    assert "web-canary" in str(laid)
    plain = provider.overlay([route], service="web", canary_service="web-canary", weight=0, match=None, mirror=None)
    assert plain == (route,)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_the_table_says_what_the_provider_can_do(name: str) -> None:
    capability = CAPABILITIES[name]
    _, kinds, _, header, cookie, mirror, seen = row(name)

    assert kinds == (", ".join(kind.partition("/")[2] for kind in capability.kinds) if capability.writes else "none")
    assert header == (", ".join(capability.header) or "no")
    if capability.cookie == (MatchMode.EXACT,):
        assert cookie == "the value `always` only"
    else:
        assert cookie.partition(";")[0] == (", ".join(capability.cookie) or "no")
    assert mirror == ("yes" if capability.mirror else "no")
    assert (f"then {capability.settle_seconds:g} s" in seen) is (capability.settle_seconds > 0)


@pytest.mark.parametrize("name", ROUTED)
def test_what_a_capability_claims_the_provider_does(name: str) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", section(name), re.DOTALL)
    route = next(iter(load_all(block.encode(), file=name)))
    capability = CAPABILITIES[name]
    modes = ((MatchOn.HEADER, capability.header, "david"), (MatchOn.COOKIE, capability.cookie, "always"))
    wanted = [Match(on=on, name="user", value=value, mode=mode) for on, known, value in modes for mode in known]
    mirrors = [Mirror(percent=20)] if capability.mirror else []

    for match, mirror in [*((candidate, None) for candidate in wanted), *((None, candidate) for candidate in mirrors)]:
        laid = capability.provider.overlay(
            [route], service="web", canary_service="web-canary", weight=0, match=match, mirror=mirror
        )
        assert "web-canary" in str(laid)
