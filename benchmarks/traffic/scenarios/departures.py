"""Every exit of a rollout from every phase.

Aborted by a user, superseded by a newer commit, reverted in Git.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.load import Load
from benchmarks.traffic.record import Record
from benchmarks.traffic.scenarios.steps import promoted
from benchmarks.traffic.shop import GATEWAY, SERVICE, Shop
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.rollout import canary

STRATEGY = canary({"weight": 25, "pause": "3s"}, {"weight": 50}, scaleDownDelay="3s")
SLOW = {"minReadySeconds": 3}
"""So that pods take their time, and every stage lasts long enough to be met in it."""

_OUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a rollout is met."""

    phase: str
    stage: str = ""
    step: int | None = None

    def __str__(self) -> str:
        return f"{self.phase} {self.stage}".strip()


BY_ROUTE = (
    Moment("Provision"),
    Moment("Step", "Scale", 1),
    Moment("Step", "Hold", 0),
    Moment("Paused"),
    Moment("Promote", "CutScale"),
    Moment("Promote", "CutHold"),
    Moment("Promote", "Roll"),
)
BY_PODS = (
    Moment("Step", "Route", 0),
    Moment("Promote", "CutRoute"),
    Moment("Promote", "Roll"),
    Moment("Promote", "Back"),
)
"""Behind a plain Service the routes are given time, so those stages can be met there."""

QUICK = (Moment("Step", "Hold", 0), Moment("Promote", "Roll"))


def aborts(installation: Installation, record: Record) -> None:
    """Aborted by a person in every phase."""
    for shop, load, moments in _shops(installation, record):
        for number, moment in enumerate(moments, start=2):
            shop.push(number)
            _reach(shop, moment)
            begun = time.monotonic()
            shop.command(CommandKind.ABORT)
            shop.at("Held", seconds=_OUT_SECONDS)
            late = moment.stage in ("Roll", "Back")
            record.worst("time_to_abort_after_the_cut" if late else "time_to_abort", _quiet(load, begun))
            record.worst("time_to_held", time.monotonic() - begun)
            _stable(shop, 1)


def supersedes(installation: Installation, record: Record) -> None:
    """Superseded by a newer commit in every phase."""
    for shop, _, moments in _shops(installation, record):
        for number, moment in enumerate(moments):
            shop.push(2 * number + 2)
            _reach(shop, moment)
            commit = shop.push(2 * number + 3)
            promoted(shop, commit, 2 * number + 3)


def reverts(installation: Installation, record: Record) -> None:
    """Reverted in Git in each phase with the old workload."""
    for shop, load, moments in _shops(installation, record):
        for number, moment in enumerate(candidate for candidate in moments if candidate.stage not in ("Roll", "Back")):
            shop.push(number + 2)
            _reach(shop, moment)
            begun = time.monotonic()
            commit = shop.push(1)
            shop.team.settled(commit, seconds=_OUT_SECONDS)
            record.worst("time_to_revert", _quiet(load, begun))
            _stable(shop, 1)


def _shops(installation: Installation, record: Record) -> Iterator[tuple[Shop, Load, tuple[Moment, ...]]]:
    """An application behind a route, then one behind a Service.

    Each under load, with the moments it is interrupted at.
    """
    places: tuple[tuple[str, tuple[Moment, ...]], ...] = ((GATEWAY, BY_ROUTE), (SERVICE, BY_PODS))
    if installation.quick:
        places = ((GATEWAY, QUICK),)
    for provider, moments in places:
        with installation.bare(STRATEGY, provider=provider) as shop:
            shop.spec_changes = SLOW
            shop.begin()
            with installation.load(shop, record) as load:
                yield shop, load, moments


def _reach(shop: Shop, moment: Moment) -> None:
    """Waits until the rollout is there, and pauses it if required."""
    if moment.phase == "Paused":
        shop.at("Step", "Hold", step=0)
        shop.command(CommandKind.PAUSE)
    shop.at(moment.phase, moment.stage, step=moment.step, seconds=_OUT_SECONDS)


def _quiet(load: Load, begun: float) -> float:
    """Seconds until the last request that the canary answered."""
    last = max((answer.at for answer in load.since() if answer.variant == "canary"), default=begun)
    return max(0.0, last - begun)


def _stable(shop: Shop, number: int) -> None:
    assert shop.image() == shop.of(number), shop.image()  # noqa: S101 - what a scenario expects
    assert shop.second() is None, shop.second()  # noqa: S101 - likewise
