from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.operations.delivery import figures, lead_seconds, recovery_seconds, result_of

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)


def moment(days: float, seconds: float = 0) -> str:
    return (NOW - timedelta(days=days) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployment(days: float, *, lead: float = 60, **more: object) -> Object:
    """A commit of some days ago, live after `lead` seconds."""
    committed = {"committedAt": moment(days), "live": moment(days, lead)}
    return {"revision": f"commit of {days}", "result": "Synced", "started": moment(days), **committed, **more}


def test_the_figures_are_those_of_the_entries() -> None:
    failed = {"failed": moment(5, 600), "failure": "Degraded", "recovered": moment(5, 900)}
    history = [deployment(1, lead=30), deployment(4.9, lead=90, rework=True), deployment(5, lead=600, **failed), deployment(10)]

    seen = figures(history, NOW)

    assert (seen.deployments, seen.failed) == (4, 1)
    assert seen.since == NOW - timedelta(days=10)
    assert seen.per_day == pytest.approx(0.4)
    assert seen.lead_seconds == 75
    assert (seen.fail_rate, seen.recovery_seconds, seen.rework_rate) == (0.25, 300, 0.25)


def test_what_is_older_than_thirty_days_does_not_count() -> None:
    seen = figures([deployment(1), deployment(31)], NOW)

    assert seen.deployments == 1
    assert seen.since == NOW - timedelta(days=1)


def test_a_commit_is_one_deployment_however_often_it_was_tried() -> None:
    again = deployment(2) | {"failed": moment(2), "failure": "Invalid", "recovered": moment(1.9)}
    refused = again | {"result": "Invalid", "live": ""}

    seen = figures([again, refused], NOW)

    assert (seen.deployments, seen.failed) == (1, 1)


def test_a_return_to_an_earlier_commit_is_no_deployment() -> None:
    assert figures([deployment(1, returned=True), deployment(2)], NOW).deployments == 1


def test_without_a_deployment_there_are_no_shares() -> None:
    seen = figures([{"revision": "a", "result": "RenderFailed", "started": moment(1)}], NOW)

    assert (seen.deployments, seen.per_day) == (0, 0)
    assert (seen.lead_seconds, seen.fail_rate, seen.recovery_seconds, seen.rework_rate) == (None, None, None, None)


@pytest.mark.parametrize(
    ("entry", "result"),
    [
        ({"result": "Synced"}, ""),
        ({"live": moment(1)}, "succeeded"),
        ({"failed": moment(1), "failure": "Degraded", "live": moment(1)}, "failed"),
        ({"failed": moment(1), "failure": "RolledBack"}, "rolledBack"),
    ],
    ids=["undecided", "succeeded", "failed", "rolled back"],
)
def test_a_deployment_has_one_result(entry: Object, result: str) -> None:
    assert result_of(entry) == result


def test_moments_that_are_none_give_no_span() -> None:
    assert lead_seconds({"live": "soon", "committedAt": moment(1)}) is None
    assert recovery_seconds({"failed": moment(1)}) is None
