"""The agent is killed at its nth call during a rollout.

Under load, and another one goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.record import Record
from benchmarks.traffic.scenarios.steps import promoted
from benchmarks.traffic.shop import GATEWAY, SERVICE
from tests.acceptance.agent_killer import killer, start
from tests.acceptance.installed_agent import InstalledAgent
from tests.acceptance.proxy import Proxy
from tests.acceptance.rollout import canary

STRATEGY = canary({"weight": 25}, {"weight": 50, "pause": "1s"}, scaleDownDelay="2s")
MOST = 600
QUICK = (30, 60)


def gateway(installation: Installation, record: Record) -> None:
    """By the weights of an HTTPRoute."""
    _killed(installation, record, GATEWAY)


def service(installation: Installation, record: Record) -> None:
    """By numbers of pods."""
    _killed(installation, record, SERVICE)


def _killed(installation: Installation, record: Record, provider: str) -> None:
    directory: Path = installation.stage.directory / f"kills-{provider}"
    with (
        InstalledAgent(installation.stage.plane, f"agent-{provider.lower()}", directory) as installed,
        Proxy(installation.stage.plane) as proxy,
        installation.bare(STRATEGY, installed=installed, provider=provider) as shop,
    ):
        start(shop.team, proxy)
        shop.begin()
        with installation.load(shop, record):
            kills = 0
            for version, number in enumerate(_numbers(installation), start=2):
                killed = killer(shop.team, proxy, lambda call: not call.watch, nth=number)
                commit = shop.push(version)
                shop.team.until(
                    lambda commit=commit, killed=killed: killed.is_set() or _promoted(shop.status(), commit),  # type: ignore[misc]
                    f"the agent was killed at call {number} or is done",
                    seconds=120,
                )
                proxy.rule = None
                if killed.is_set():
                    kills += 1
                    start(shop.team, proxy)
                promoted(shop, commit, version)
                if not killed.is_set():
                    break
            record.figures["kills"] = kills


def _numbers(installation: Installation) -> Iterator[int]:
    yield from QUICK if installation.quick else range(1, MOST, installation.stride)


def _promoted(status: dict[str, object], commit: str) -> bool:
    history = status.get("history")
    newest = history[0] if isinstance(history, list) and history else {}
    return status.get("phase") == "Idle" and newest.get("revision") == commit
