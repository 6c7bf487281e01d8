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
