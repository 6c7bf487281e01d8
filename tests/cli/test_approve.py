from __future__ import annotations

import pytest

from gitops_agent.manifest.marks import APPROVED, APPROVED_BY
from tests.cli.cluster_env import PLAN, ClusterEnv, healthy, troubled
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster


def approved(stage: ClusterEnv) -> str | None:
    obj = (stage.get("shop")["metadata"].get("annotations") or {}).get(APPROVED)
    return obj if isinstance(obj, str) else None


@pytest.fixture
def held(stage: ClusterEnv) -> ClusterEnv:
    stage.application("shop", troubled("False", "HeldForApproval", "8 objects would go"))
    return stage


@pytest.mark.parametrize("given", [PLAN, PLAN[:12], PLAN[:12].upper()])
def test_a_held_plan_is_approved_by_its_hash_or_twelve_digits_of_it(held: ClusterEnv, run: Run, given: str) -> None:
    result = run("approve", "shop", given)

    assert (result.code, result.stdout) == (0, f"application/shop: plan {PLAN[:12]} approved\n")
    assert approved(held) == PLAN


@pytest.mark.parametrize(
    ("given", "words"), [(PLAN[:6], "at least 12 digits"), ("f" * 12, f"not the plan that waits now; that is {PLAN[:12]}")]
)
def test_no_other_plan_is_approved(held: ClusterEnv, run: Run, given: str, words: str) -> None:
    result = run("approve", "shop", given)

    assert (result.code, result.stderr.count("\n")) == (2, 1)
    assert words in result.stderr
    assert approved(held) is None


def test_where_nothing_is_held_nothing_is_approved(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("approve", "shop", PLAN)

    assert (result.code, result.stderr) == (2, "error: nothing of shop is held for approval or waits for a window\n")
    assert approved(stage) is None


def test_a_plan_that_waits_for_a_window_is_approved_as_well(stage: ClusterEnv, run: Run) -> None:
    freeze = {"schedule": "0 0 1 * *", "duration": "8784h"}
    stage.application("shop", troubled("False", "WindowClosed", "waits for a window"), sync={"windows": [freeze]})

    result = run("approve", "shop", PLAN[:12])

    assert (result.code, approved(stage)) == (0, PLAN)
    assert result.stderr == (
        "it runs now, although the application waits for a window, and none opens in sight (deny 0 0 1 * * for 8784h, UTC)\n"
    )


def test_the_approver_is_recorded_beside_the_plan(held: ClusterEnv, run: Run) -> None:
    run("approve", "shop", PLAN)

    plan, _, user = held.get("shop")["metadata"]["annotations"][APPROVED_BY].partition(" ")
    assert plan == PLAN
    assert user


def test_a_chart_that_was_published_again_is_approved_like_a_plan(stage: ClusterEnv, run: Run) -> None:
    change = "e" * 64
    status = troubled("False", "ChartRepublished", f"podinfo 6.5.4 was …; held (plan {change[:12]})")
    status["source"]["republished"] = {"approval": change}
    stage.application("shop", status)

    assert run("approve", "shop", change[:12]).code == 0
    assert approved(stage) == change


def test_a_branch_that_moved_is_approved_like_a_plan(stage: ClusterEnv, run: Run) -> None:
    move = "d" * 64
    status = troubled("False", "HistoryRewritten", f"main moved; held (plan {move[:12]})")
    status["source"]["unverified"] = {"count": 1, "commits": [], "approval": move}
    stage.application("shop", status)

    assert run("approve", "shop", move[:12]).code == 0
    assert approved(stage) == move
