"""A canary in steps to its promotion, with measured shares.

By the weights of a route, and by numbers of pods.
"""

from __future__ import annotations

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.record import Record
from benchmarks.traffic.shop import GATEWAY, SERVICE, Shop
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.rollout import canary

WEIGHTS = (5, 25, 50, 100)
PLAIN_WEIGHTS = (5, 25, 50)
PLAIN_PODS = 20
"""So many that each of these weights is a whole number of pods."""

RATE = 150.0
"""Requests a second where a share is judged."""

PLAIN_COUNT = 8000
"""kube-proxy draws for each connection: 2,000 draws scatter by a whole point at 50 %, and two points would be luck."""


def gateway(installation: Installation, record: Record) -> None:
    """Canary 5, 25, 50, 100 by the weights of an HTTPRoute."""
    weights = WEIGHTS[::2] if installation.quick else WEIGHTS
    strategy = canary(*({"weight": weight, "approval": True} for weight in weights))
    with installation.shop(strategy, provider=GATEWAY) as shop, installation.load(shop, record, rate=RATE) as load:
        commit = shop.push(2)
        for step, weight in enumerate(weights):
            shop.at("Step", "Hold", step=step)
            record.share(load, weight, installation.count)
            shop.command(CommandKind.APPROVE)
        promoted(shop, commit, 2)
        record.share(load, 100, installation.count if not installation.quick else 200, variant="primary")


def service(installation: Installation, record: Record) -> None:
    """The same behind a plain Service and kube-proxy."""
    weights = PLAIN_WEIGHTS[:1] if installation.quick else PLAIN_WEIGHTS
    strategy = canary(*({"weight": weight, "approval": True} for weight in weights))
    pods = PLAIN_PODS
    with (
        installation.shop(strategy, provider=SERVICE, replicas=pods) as shop,
        installation.load(shop, record, rate=RATE) as load,
    ):
        commit = shop.push(2)
        for step, weight in enumerate(weights):
            shop.at("Step", "Hold", step=step, seconds=120)
            record.share(load, weight, installation.count if installation.quick else PLAIN_COUNT)
            shop.command(CommandKind.APPROVE)
        promoted(shop, commit, 2)
        record.share(load, 100, 200, variant="primary")


def promoted(shop: Shop, commit: str, number: int) -> None:
    """Waits for the end of a rollout, which must be a promotion.

    Raises:
        AssertionError: something is left, or the workload is of another version.
    """
    shop.team.settled(commit, seconds=120)
    assert shop.image() == shop.of(number), shop.image()  # noqa: S101 - what a scenario expects
    left = (shop.second(), shop.selector("web-canary"))
    assert left == (None, None), left  # noqa: S101 - likewise
