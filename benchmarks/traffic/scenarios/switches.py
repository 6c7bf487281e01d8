"""Blue-green: all of the traffic at once, there and back."""

from __future__ import annotations

import time

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.record import Record
from benchmarks.traffic.scenarios.steps import promoted
from benchmarks.traffic.shop import GATEWAY, SERVICE, Shop
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.rollout import blue_green


def gateway(installation: Installation, record: Record) -> None:
    """By the weights of an HTTPRoute."""
    _there_and_back(installation, record, GATEWAY)


def service(installation: Installation, record: Record) -> None:
    """By the selector of a plain Service."""
    _there_and_back(installation, record, SERVICE)


def _there_and_back(installation: Installation, record: Record, provider: str) -> None:
    strategy = blue_green(autoPromote=False, scaleDownDelay="20s" if not installation.quick else "3s")
    with installation.shop(strategy, provider=provider) as shop, installation.load(shop, record) as load:
        shop.push(2)
        _switched(shop)
        record.share(load, 100, installation.count if not installation.quick else 100)
        begun = time.monotonic()
        shop.command(CommandKind.ABORT)
        shop.at("Held")
        last = max(answer.at for answer in load.since() if answer.variant == "canary")
        record.worst("time_to_switch_back", last - begun)
        record.share(load, 100, 200 if not installation.quick else 100, variant="primary")
        if installation.quick:
            return
        commit = shop.push(3)
        _switched(shop)
        promoted(shop, commit, 3)


def _switched(shop: Shop) -> None:
    shop.at("Step", "Hold")
    shop.command(CommandKind.APPROVE)
    shop.at("Promote", "CutHold")
