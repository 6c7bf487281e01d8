"""What a person asks of a rollout; a nonce makes sure that it is done once, however often it is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """What is asked."""

    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing asked.

    Attributes:
        order: what.
        nonce: names this very command; one that was consumed is not obeyed again.
        hash: the version it is about; one about another version is consumed without effect. Empty means whichever runs.
        actor: who asked.
    """

    order: Order
    nonce: str
    hash: str = ""
    actor: str = ""
