from __future__ import annotations

import pytest

from gitops_agent.cli.wait import ended, outcome
from gitops_agent.manifest.key import Object
from gitops_agent.operations.pause import pause_of
from tests.cli.cluster_env import COMMIT, OLDER, ClusterEnv, condition, healthy, troubled
from tests.cli.conftest import Run


def one(status: Object, *, generation: int = 1) -> Object:
    return {"metadata": {"name": "shop", "generation": generation}, "status": status}


def test_nothing_is_over_before_the_newest_spec_was_reconciled() -> None:
    assert ended(one(healthy()))
    assert not ended(one(healthy(), generation=2))


def test_nothing_is_over_while_a_commit_is_seen_but_not_applied() -> None:
    status = healthy()
    status["sync"]["revision"] = OLDER

    assert not ended(one(status))


def test_only_the_revision_asked_for_counts() -> None:
    assert ended(one(healthy()), COMMIT[:8])
    assert not ended(one(healthy()), OLDER[:8])


def test_a_rollout_under_way_is_waited_for_until_it_needs_a_person_or_was_rolled_back() -> None:
    approval = troubled("Unknown", "RolloutPaused", "waits for approval", rollouts=[{"policy": "web", "approval": "2222/1"}])
    paused = troubled("Unknown", "RolloutPaused", "paused by ada", rollouts=[{"policy": "web"}])
    back = troubled("False", "RolledBack", "errors failed 2 times")

    assert not ended(one(troubled("Unknown", "RollingOut", "step 1 of 3")))
    for status, code in ((approval, 4), (paused, 3), (back, 3), (healthy(), 0)):
        assert ended(one(status))
        assert outcome(one(status)) == code


def test_what_cannot_go_on_by_itself_is_over() -> None:
    stalled = troubled("False", "InvalidSpec", "spec.sync.interval: bad")
    stalled["conditions"].append(condition("Stalled", "True", "InvalidSpec", "spec.sync.interval: bad"))

    assert ended(one(troubled("False", "HeldForApproval", "8 objects")))
    assert ended(one(troubled("False", "Degraded", "web crashes")))
    assert ended(one(stalled))
    assert ended(one(troubled("False", "OwnedByAnother", "declared by another")))
    assert ended(one(troubled("False", "RenderFailed", "no such base")))
    assert ended(one(troubled("False", "RolloutRefused", "Service weeb is not declared")))
    assert not ended(one(troubled("Unknown", "Progressing", "1 of 2")))
    assert not ended(one(troubled("False", "WebhookUnavailable", "nobody answers")))
    assert not ended(one(troubled("False", "WaitingFor", "a CRD")))


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (healthy(), 0),
        (troubled("False", "Degraded", "web crashes"), 3),
        (troubled("False", "HeldForApproval", "8 objects would go"), 4),
    ],
)
def test_the_end_is_the_exit_code(stage: ClusterEnv, run: Run, status: Object, code: int) -> None:
    stage.application("shop", status)

    result = run("wait", "shop")

    assert result.code == code
    assert result.stdout.startswith("application/shop ")
    assert result.stdout.count("\n") == 1


@pytest.mark.cluster
def test_when_the_time_is_up_the_exit_code_is_three(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("wait", "shop", "--revision", OLDER, "--timeout", "1s")

    assert (result.code, result.stdout) == (3, "")
    lease = f"no agent runs: there is no Lease {stage.namespace}/gitops-agent"
    assert result.stderr.splitlines()[-1] == f"not within 1s ({lease})"


@pytest.mark.cluster
def test_a_pause_is_said_at_once(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy(), suspend={"reason": "a migration"})

    result = run("wait", "shop")

    assert (result.code, result.stdout) == (3, "")
    assert result.stderr.startswith("application/shop is paused until it is resumed (a migration): resume it first with ")


@pytest.mark.cluster
def test_a_closed_window_is_not_waited_for(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", troubled("False", "WindowClosed", "waits for the window that opens at noon"))

    result = run("wait", "shop")

    assert (result.code, result.stdout) == (
        3,
        "application/shop OutOfSync, Healthy: waits for the window that opens at noon\n",
    )


@pytest.mark.cluster
def test_without_an_agent_that_ever_looked_the_lease_is_named(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop")

    result = run("wait", "shop", "--timeout", "1s")

    first, last = result.stderr.splitlines()
    lease = f"no agent runs: there is no Lease {stage.namespace}/gitops-agent"
    assert (result.code, first, last) == (3, f"{lease}; waiting 1s for one to start", f"{lease}: see `gitops-agent check`")


def test_a_pause_that_has_ended_is_none() -> None:
    application = one(healthy())
    for suspend, pause in (
        (None, ""),
        ({"until": "2020-01-01T00:00:00Z"}, ""),
        ({"until": "2126-01-01T00:00:00Z", "reason": "moving"}, "paused until 2126-01-01T00:00:00Z (moving)"),
        ({}, "paused until it is resumed"),
    ):
        assert pause_of({**application, "spec": {"suspend": suspend}}) == pause


@pytest.mark.cluster
def test_a_duration_that_is_none_is_exit_code_two(run: Run) -> None:
    assert run("wait", "shop", "--timeout", "soon").stderr == (
        "error: --timeout soon: is not a duration such as 30s, 5m or 1h30m\n"
    )


def test_a_commit_that_is_refused_for_its_signature_is_not_waited_for() -> None:
    status = troubled("False", "Unverified", "it is not signed")
    status["source"]["unverified"] = {"count": 1, "commits": [{"commit": OLDER, "reason": "is not signed"}]}

    assert ended(one(status))
    assert ended(one(status), OLDER[:8])
    assert not ended(one(status), "f" * 8)
    assert outcome(one(status)) == 3
