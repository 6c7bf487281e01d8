"""Requests routed by header, and mirrored requests."""

from __future__ import annotations

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.record import Record
from benchmarks.traffic.scenarios.steps import promoted
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.rollout import canary

_USER = {"user": "david"}
_FEW = 150


def header(installation: Installation, record: Record) -> None:
    """A header routes exactly the named user to the canary."""
    step = {"match": {"header": {"name": "user", "value": "david"}}, "approval": True}
    with (
        installation.shop(canary(step)) as shop,
        installation.load(shop, record) as others,
        installation.load(shop, record, rate=installation.rate / 3, **_USER) as david,
    ):
        commit = shop.push(2)
        shop.at("Step", "Hold")
        record.share(david, 100, _FEW)
        record.share(others, 0, _FEW * 2)
        strays = record.shares[-1].seen or 100 - record.shares[-2].seen
        record.figures["requests_on_the_wrong_side_percent"] = strays
        assert not strays, f"{strays} % of the requests were answered by the wrong side"  # noqa: S101 - what is claimed
        shop.command(CommandKind.APPROVE)
        promoted(shop, commit, 2)


def mirror(installation: Installation, record: Record) -> None:
    """The canary gets mirrored requests, fails them, and none is used."""
    step = {"mirror": {"percent": 100}, "approval": True}
    with installation.shop(canary(step)) as shop, installation.load(shop, record) as load:
        commit = shop.push(2)
        shop.at("Step", "Hold")
        backends, image = installation.stage.backends, shop.of(2)
        backends.fault(image, error_percent=100.0)
        before, mark = backends.received(image=image, mirrored=True), load.mark()
        load.wait(_FEW, since=mark)
        copies = backends.received(image=image, mirrored=True) - before
        used = [answer for answer in load.since(mark) if answer.variant == "canary" or answer.status != 200]  # noqa: PLR2004 - HTTP's OK
        backends.heal(image)
        record.figures["copies_percent"] = round(100.0 * copies / len(load.since(mark)), 1)
        record.figures["answers_of_the_canary_used"] = len(used)
        assert not used, f"{len(used)} answers of the canary were used"  # noqa: S101 - what is claimed
        assert copies, "the canary got no copies"  # noqa: S101 - likewise
        shop.command(CommandKind.APPROVE)
        promoted(shop, commit, 2)
