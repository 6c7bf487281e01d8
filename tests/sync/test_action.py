from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.sync.action import REMOVES, WRITES, ActionKind
from tests.sync.samples import creations, thing


@pytest.mark.parametrize("kind", ActionKind)
def test_only_four_kinds_send_anything(kind: ActionKind) -> None:
    action = replace(creations([thing("ConfigMap", "web")])[0], kind=kind)
    assert action.writes == (kind.value in {"create", "update", "replace", "delete"})


def test_what_removes_also_writes() -> None:
    assert REMOVES < WRITES


@pytest.mark.parametrize(
    ("kind", "intent", "reason", "terminating"),
    [
        (ActionKind.WAIT, ActionKind.DELETE, "Terminating", True),
        (ActionKind.WAIT, ActionKind.UPDATE, "Terminating", False),
        (ActionKind.WAIT, ActionKind.DELETE, "CannotSee", False),
        (ActionKind.HOLD, ActionKind.DELETE, "Terminating", False),
    ],
)
def test_only_a_deletion_that_was_sent_is_terminating(
    kind: ActionKind, intent: ActionKind, reason: str, *, terminating: bool
) -> None:
    action = replace(creations([thing("ConfigMap", "web")])[0], kind=kind, intent=intent, reason=reason)

    assert action.terminating is terminating
