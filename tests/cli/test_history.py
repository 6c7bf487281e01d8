from __future__ import annotations

import json

import pytest

from gitops_agent.rollout.state import Ended, Phase
from tests.cli.cluster_env import COMMIT, OLDER, PLAN, ClusterEnv, healthy
from tests.cli.conftest import Run
from tests.cli.policies import NEW, START, at, stored

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


def test_the_syncs_are_listed_newest_first(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy() | {"history": ENTRIES})

    assert run("history", "shop").stdout == (
        "WHEN                  REVISION      RESULT   TOOK  PLAN          ACTOR  MESSAGE\n"
        "2026-05-04T12:00:00Z  c0ffee0000c0  Synced   0.4s  0123456789ab  Ada    applied\n"
        "2026-05-04T11:00:00Z  badc0de000ba  Invalid  0.1s                       no\n"
    )
    assert json.loads(run("history", "shop", "-o", "json").stdout) == ENTRIES
    assert run("history", "shop", "-o", "name").lines == [COMMIT, OLDER]


def test_no_history_is_said_on_standard_error(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop")

    result = run("history", "shop")

    assert (result.code, result.stdout, result.stderr) == (0, "", "nothing of shop was synced yet\n")


def test_rollouts_that_ended_stand_among_the_syncs(stage: ClusterEnv, run: Run) -> None:
    entry = {"policy": "web", "workload": f"apps/Deployment:{stage.namespace}/web", "phase": "Idle"}
    stage.application("shop", healthy() | {"history": ENTRIES, "rollouts": [entry]})
    ended = Ended(hash=NEW.hash, commit=NEW.commit, result="RolledBack", reason="slow", at=START.replace(hour=11, minute=30))
    stored(stage, at(Phase.IDLE, history=(ended,)))

    result = run("history", "shop")

    assert [line.split()[2] for line in result.lines[1:]] == ["Synced", "RolledBack", "Invalid"]
    assert result.lines[2].endswith(f"rollout {stage.namespace}/web: 22222222, slow")
    assert json.loads(run("history", "shop", "-o", "json").stdout)[1]["ended"] == "2026-05-04T11:30:00Z"


def test_the_approver_of_a_sync_is_named(stage: ClusterEnv, run: Run) -> None:
    approved = {**ENTRIES[0], "approved": PLAN, "approver": "ada"}
    stage.application("shop", healthy() | {"history": [approved]})

    assert run("history", "shop").lines[1].endswith(f"approved by ada ({PLAN[:12]}): applied")


def test_wide_shows_what_became_of_each_deployment(stage: ClusterEnv, run: Run) -> None:
    live = {**ENTRIES[0], "committedAt": "2026-05-04T11:59:00Z", "live": "2026-05-04T12:00:30Z"}
    failed = {**ENTRIES[1], "failed": "2026-05-04T11:00:00Z", "failure": "Invalid"}
    stage.application("shop", healthy() | {"history": [live, failed]})

    lines = run("history", "shop", "-o", "wide").lines

    assert lines[0].split() == ["WHEN", "REVISION", "RESULT", "TOOK", "LEAD", "OUTCOME", "PLAN", "ACTOR", "MESSAGE"]
    assert lines[1].split()[4:6] == ["1m30s", "succeeded"]
    assert "failed (Invalid)" in lines[2]
