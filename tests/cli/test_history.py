from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run
from tests.cli.stage import COMMIT, OLDER, PLAN, Stage, healthy

pytestmark = pytest.mark.cluster

ENTRIES = [
    {
        "revision": COMMIT,
        "plan": PLAN,
        "result": "Synced",
        "message": "applied",
        "started": "2026-05-04T12:00:00Z",
        "duration": "0.4s",
        "actor": "Ada",
    },
    {"revision": OLDER, "result": "Invalid", "message": "no", "started": "2026-05-04T11:00:00Z", "duration": "0.1s"},
]


def test_the_syncs_are_listed_newest_first(stage: Stage, run: Run) -> None:
    stage.application("shop", healthy() | {"history": ENTRIES})

    assert run("history", "shop").stdout == (
        "WHEN                  REVISION      RESULT   TOOK  PLAN          ACTOR  MESSAGE\n"
        "2026-05-04T12:00:00Z  c0ffee0000c0  Synced   0.4s  0123456789ab  Ada    applied\n"
        "2026-05-04T11:00:00Z  badc0de000ba  Invalid  0.1s                       no\n"
    )
    assert json.loads(run("history", "shop", "-o", "json").stdout) == ENTRIES
    assert run("history", "shop", "-o", "name").lines == [COMMIT, OLDER]


def test_no_history_is_said_on_standard_error(stage: Stage, run: Run) -> None:
    stage.application("shop")

    said = run("history", "shop")

    assert (said.code, said.stdout, said.stderr) == (0, "", "nothing of shop was synced yet\n")
