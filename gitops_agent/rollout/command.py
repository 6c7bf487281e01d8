"""Commands to a rollout, as an annotation on its RolloutPolicy.

RBAC on the policy is RBAC on its rollout, the audit log of the API server names the author, and no command is lost while no
agent runs. A nonce makes sure that a command takes effect once, however often it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import orjson

from gitops_agent.manifest.marks import PREFIX

COMMAND = PREFIX + "rollout-command"
"""The annotation; the last command written is the one that counts."""

LONGEST_REASON = 256
"""Most letters of a reason."""

_LONGEST = 2048
_WORD = 128


class CommandKind(StrEnum):
    """Kinds of commands: `advance` ends the present step, `promote` skips all."""

    ADVANCE = "advance"
    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        order: what.
        nonce: names this very command; one that was consumed is not obeyed again.
        hash: the version it is about; one about another version is consumed without effect. Empty means whichever runs.
        actor: who asked.
        reason: why, for readers of the status.
        rollout: the policy of the rollout that failed, as `namespace/name`, where this one is only given up with it; never of
            an annotation.
    """

    order: CommandKind
    nonce: str
    hash: str = ""
    actor: str = ""
    reason: str = ""
    rollout: str = ""


def written(command: Command) -> str:
    """The command as an annotation's value."""
    value = {
        "order": str(command.order),
        "nonce": command.nonce,
        "hash": command.hash,
        "actor": command.actor[:_WORD],
        "reason": command.reason[:LONGEST_REASON],
    }
    return orjson.dumps({name: text for name, text in value.items() if text}).decode()


def read(text: str | None) -> Command | None:
    """The command of an annotation; None for anything invalid."""
    if text is None or len(text) > _LONGEST:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or not all(_short(name, entry) for name, entry in value.items()):
        return None
    if value.get("order") not in {str(kind) for kind in CommandKind} or not value.get("nonce"):
        return None
    return Command(
        order=CommandKind(value["order"]),
        nonce=value["nonce"],
        hash=value.get("hash", ""),
        actor=" ".join(value.get("actor", "").split()),
        reason=" ".join(value.get("reason", "").split()),
    )


def _short(name: str, value: object) -> bool:
    return isinstance(value, str) and len(value) <= (LONGEST_REASON if name == "reason" else _WORD)
