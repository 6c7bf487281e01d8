from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.cli import output as out
from gitops_agent.cli.rollout.view import HEADERS, document, picture, row
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.operations.rollout_pods import PodGroup, PodLine
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Phase, Rejected, RolloutState, Stage
from tests.cli.policies import LATER, NEW, START, at, holding, policy, spec

WEB = ObjectKey("apps", "Deployment", "shop", "web")
SIDE = PodGroup(
    role="stable",
    workload=WEB,
    version="11111111",
    images=("web:1",),
    wanted=2,
    available=1,
    pods=(
        PodLine(name="web-1", images=("web:1",), health="Healthy", message=""),
        PodLine(name="web-2", images=("web:0",), health="Degraded", message="exit code 1"),
    ),
    there=True,
)


def drawn(capsys: pytest.CaptureFixture[str], raw: Object, *sides: PodGroup) -> list[str]:
    out.draw(picture(RolloutProgress.of(raw), sides, LATER))
    return capsys.readouterr().out.splitlines()


def test_a_rollout_that_waits_for_approval_is_told_from_head_to_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn(capsys, policy(holding(1)), SIDE) == [
        "shop/web  canary, step 2 of 3  waits for approval",
        "Workload:     Deployment web, Service web, split by numbers of pods",
        "Application:  gitops-system/shop",
        "Stable:       11111111 at commit aaaaaaaaaaaa",
        "New version:  22222222 at commit bbbbbbbbbbbb",
        "Traffic:      50 % of the traffic to the new version, in force for 3m00s",
        "Status:       22222222 step 2 of 3, 50 % of the traffic: waits for approval",
        "Waits for:    approval",
        "",
        "Steps",
        "  ✔  1  25 % of the traffic, pause 5m",
        "  ▶  2  50 % of the traffic, approval  in force for 3m00s",
        "  ○  3  75 % of the traffic, analysis",
        "  ○     promotion",
        "",
        "Pods",
        "  stable  web  1 of 2 available  11111111  web:1",
        "    ✔ web-1",
        "    ✖ web-2  exit code 1  web:0",
        "",
        "Next",
        "  gitops-agent rollout approve shop/web         approves step 2",
        "  gitops-agent rollout promote --full shop/web  skips all remaining steps",
        "  gitops-agent rollout pause shop/web           stops it where it is",
        "  gitops-agent rollout abort shop/web           rolls back and rejects the version",
    ]


def test_a_version_that_went_back_says_why_and_how_to_try_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    rejected = Rejected(hash=NEW.hash, commit=NEW.commit, reason="errors failed 2 times", at=START)
    lines = drawn(capsys, policy(at(Phase.HELD, reason="errors failed 2 times", rejected=(rejected,))))

    assert lines[0] == "shop/web  canary  rolled back"
    assert "Rejected:     22222222 at commit bbbbbbbbbbbb" in lines
    assert "Status:       22222222 was rolled back: errors failed 2 times" in lines
    assert "Steps of the next run" in lines
    assert lines[-1] == "  gitops-agent rollout retry shop/web  tries the rejected version once more"


def test_versions_rejected_before_are_listed_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    older = Rejected(hash="00000000", commit="0" * 40, reason="crashed", at=START)
    newer = Rejected(hash="33333333", commit="3" * 40, reason="slow", at=LATER)
    lines = drawn(capsys, policy(at(Phase.IDLE, rejected=(older, newer))))

    assert lines[-2:] == [
        "  33333333  333333333333  2026-05-04 12:03:00 UTC  slow",
        "  00000000  000000000000  2026-05-04 12:00:00 UTC  crashed",
    ]


def test_metrics_show_counts_limits_and_the_last_values(capsys: pytest.CaptureFixture[str]) -> None:
    metric = {"name": "errors", "provider": {"job": {"name": "smoke"}}, "samples": 5, "failureLimit": 2}
    judged = spec(analysis={"metrics": [metric]})
    raw = policy(replace(holding(2), plan=at(Phase.STEP, wanted=judged).plan), spec=judged)
    raw["status"]["analysis"] = [
        {
            "metric": "errors",
            "samples": 3,
            "succeeded": 2,
            "failed": 1,
            "measurements": [{"verdict": "success", "value": "0.01"}, {"verdict": "failure", "value": "0.2"}],
        }
    ]
    lines = drawn(capsys, raw)

    assert lines[lines.index("Metrics") + 1 : lines.index("Metrics") + 3] == [
        "  metric  samples  passed  failed        undecided  errors  last values, newest first",
        "  errors  3 of 5   2       1, 2 allowed  0          0       0.2  0.01",
    ]
    assert "Waits for:    samples of errors: 5 missing" not in lines


def test_what_others_wrote_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(capsys, policy(at(Phase.PAUSED, reason="paused by eve: \x1b[2J\nforged", resume=Stage.HOLD)))

    assert not any("\x1b" in line for line in lines)
    assert not any(line.startswith("forged") for line in lines)


def test_a_row_says_the_same_in_one_line() -> None:
    assert dict(zip(HEADERS, row(RolloutProgress.of(policy(holding(1)))), strict=True)) == {
        "rollout": "shop/web",
        "strategy": "canary",
        "phase": "Step",
        "step": "2/3",
        "weight": "50 %",
        "stable": "11111111",
        "new": "22222222",
        "message": "22222222 step 2 of 3, 50 % of the traffic: waits for approval",
    }


def test_scripts_get_what_was_reckoned_and_no_inner_state() -> None:
    output = document(RolloutProgress.of(policy(holding(1))), LATER)

    assert output["outlook"] == "AwaitingApproval"
    assert output["waitsFor"] == ["approval"]
    assert [step["is"] for step in output["steps"]] == ["done", "now", "ahead"]
    assert output["next"][0] == "gitops-agent rollout approve shop/web"
    assert "state" not in output["status"]


@pytest.mark.parametrize(
    ("state", "weight"),
    [
        (at(Phase.IDLE), "-"),
        (at(Phase.PENDING), "-"),
        (at(Phase.PROVISION), "-"),
        (holding(0), "25 %"),
        (at(Phase.ABORT), "0 %"),
    ],
)
def test_a_weight_is_shown_once_there_could_be_one(state: RolloutState, weight: str) -> None:
    assert row(RolloutProgress.of(policy(state)))[HEADERS.index("weight")] == weight


def test_the_roles_of_sides_stand_in_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    baseline = replace(SIDE, role="baseline", pods=())
    lines = drawn(capsys, policy(holding(0)), replace(SIDE, pods=()), baseline)

    assert [line.split("1 of 2")[0] for line in lines if "1 of 2" in line] == ["  stable   web  ", "  baseline web  "]


def test_what_a_rollout_holds_back_is_named_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    raw = policy(holding(1))
    held = ["ConfigMap:shop/settings: its pods read it", "apps/Deployment:shop/web: its spec, but for what scales it"]
    raw["status"]["held"] = held

    lines = drawn(capsys, raw)

    assert f"Held back:    {held[0]}" in lines
    assert f"              {held[1]}" in lines


def test_a_promoted_version_is_the_stable_one_while_the_former_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    kept = replace(at(Phase.PROMOTE, Stage.CUT_HOLD, until=LATER), promoted=True)

    lines = drawn(capsys, policy(kept))

    assert lines[0] == "shop/web  canary, promotion  stable"
    assert lines[3:5] == ["Stable:       22222222 at commit bbbbbbbbbbbb", "Former:       11111111 at commit aaaaaaaaaaaa"]
    assert "Status:       22222222 is stable: the pods of 11111111 are kept, at least until 12:03:00 UTC" in lines
    assert "  gitops-agent rollout promote --full shop/web  ends scaleDownDelay" in lines
    assert row(RolloutProgress.of(policy(kept)))[5] == "22222222"


def test_a_workload_that_rolls_shows_how_many_pods_are_of_the_new_version(capsys: pytest.CaptureFixture[str]) -> None:
    rolling = policy(at(Phase.PROMOTE, Stage.ROLL, wanted=spec({"rolling": {}})), spec=spec({"rolling": {}}))
    lines = drawn(capsys, rolling, replace(SIDE, role="new", wanted=4, available=4, updated=1, pods=()))

    assert "  new     web  1 of 4 updated, 4 available  11111111  web:1" in lines
