from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.cluster_env import ClusterEnv, healthy
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster


def test_a_pause_has_an_end_and_a_reason(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("pause", "shop", "--for", "2h", "--reason", "incident 4711")

    suspend = stage.get("shop")["spec"]["suspend"]
    until = datetime.fromisoformat(suspend["until"])
    assert result.stdout == f"application/shop paused until {suspend['until']}\n"
    assert suspend["reason"] == "incident 4711"
    assert abs(until - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


def test_a_pause_may_last_until_a_user_ends_it(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    run("pause", "shop", "--reason", "a while")

    result = run("pause", "shop", "--for", "forever", "--reason", "migration")

    assert result.stdout == "application/shop paused until it is resumed\n"


def test_suspend_is_another_name_of_pause(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop")

    result = run("suspend", "shop", "--reason", "migration", "--for", "forever")

    assert result.stdout == "application/shop paused until it is resumed\n"
    assert stage.get("shop")["spec"]["suspend"] == {"reason": "migration"}


def test_resuming_takes_the_pause_away_and_says_whether_there_was_one(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy(), suspend={"reason": "incident"})

    assert run("resume", "shop").stdout == "application/shop resumed\n"
    assert "suspend" not in stage.get("shop")["spec"]
    assert run("resume", "shop").stdout == "application/shop was not paused\n"


def test_a_pause_without_a_reason_is_refused(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("pause", "shop")

    assert result.code == 2
    assert "Missing option '--reason'" in result.stderr
    assert run("pause", "shop", "--reason", "x", "--for", "a bit").code == 2
