"""Goldens: a file holds a share, Git's routes, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror

FOLDER = Path(__file__).parent / "goldens"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    provider: str
    arguments: dict[str, Any]
    routes: tuple[Object, ...]
    expected: tuple[Object, ...]

    def sent(self, **changed: Any) -> tuple[Object, ...]:
        return CAPABILITIES[self.provider].provider.overlay(self.routes, **{**self.arguments, **changed})


def asked(raw: dict[str, Any]) -> dict[str, Any]:
    match, mirror = raw.get("match"), raw.get("mirror")
    return {
        "service": "web",
        "canary_service": "web-canary",
        "weight": raw.get("weight", 0),
        "match": None
        if match is None
        else Match(
            on=MatchOn(match["on"]), name=match["name"], value=match["value"], mode=MatchMode(match.get("mode", "exact"))
        ),
        "mirror": None if mirror is None else Mirror(percent=mirror),
    }


@cache
def _documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text()))


def case(name: str) -> Case:
    first, *documents = copy(_documents(name))
    size = first["routes"]
    return Case(
        provider=first["provider"],
        arguments=asked(first),
        routes=tuple(documents[:size]),
        expected=tuple(documents[size:]),
    )
