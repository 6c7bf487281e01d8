from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gitops_agent.cli.rollout.commands import code
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.yaml import load_all
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Ended, Phase, Rejected, RolloutState, Stage
from tests.cli.cluster_env import ClusterEnv as Scene
from tests.cli.cluster_env import healthy
from tests.cli.conftest import Run
from tests.cli.policies import NEW, OLD, START, at, found, holding, policy, stored
from tests.cli.rollout.test_send import command, obeying
from tests.server.running_agent import token

ENDED = Ended(hash=NEW.hash, commit=NEW.commit, result="RolledBack", reason="errors failed 2 times", at=START)
REJECTED = Rejected(hash=NEW.hash, commit=NEW.commit, reason="errors failed 2 times", at=START)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], 0),
        ([at(Phase.IDLE), holding(0)], 0),
        ([at(Phase.IDLE), holding(1)], 4),
        ([holding(1), at(Phase.PAUSED)], 3),
        ([at(Phase.HELD)], 3),
        ([at(Phase.ABORT, Stage.DRAIN)], 3),
    ],
)
def test_the_exit_code_is_the_worst_thing_a_script_has_to_know(states: list[RolloutState], expected: int) -> None:
    assert code([RolloutProgress.of(policy(state)) for state in states]) == expected


@pytest.mark.cluster
def test_the_table_has_every_rollout_of_a_namespace_worst_first(stage: Scene, run: Run) -> None:
    stored(stage, at(Phase.IDLE), name="api")
    stored(stage, holding(1))
    where = stage.namespace

    result = run("rollout", "status", "-n", where, "--exit-code")

    assert result.code == 4
    assert [line.split()[:7] for line in result.lines] == [
        ["ROLLOUT", "STRATEGY", "PHASE", "STEP", "WEIGHT", "STABLE", "NEW"],
        [f"{where}/web", "canary", "Step", "2/3", "50", "%", "11111111"],
        [f"{where}/api", "canary", "Idle", "-", "-", "11111111", "-"],
    ]
    assert run("rollout", "status", "-n", where, "-o", "name").lines == [f"{where}/web", f"{where}/api"]
    assert [load["name"] for load in json.loads(run("rollout", "status", "-n", where, "-o", "json").stdout)] == ["web", "api"]


@pytest.mark.cluster
def test_one_rollout_is_drawn_with_its_steps_and_pods(stage: Scene, run: Run) -> None:
    stored(stage, holding(1))

    result = run("rollout", "status", f"{stage.namespace}/web")

    assert result.code == 0
    assert result.lines[0] == f"{stage.namespace}/web  canary, step 2 of 3  waits for approval"
    assert any(line.startswith("  ▶  2  50 % of the traffic, approval") for line in result.lines)
    assert "  stable  web  not there" in result.lines


@pytest.mark.cluster
def test_scripts_get_one_rollout_with_both_sides(stage: Scene, run: Run) -> None:
    stored(stage, holding(1))

    document = json.loads(run("rollout", "status", f"{stage.namespace}/web", "-o", "json").stdout)

    assert (document["outlook"], document["sides"][0]["role"]) == ("AwaitingApproval", "stable")
    written = load_all(run("rollout", "status", f"{stage.namespace}/web", "-o", "yaml").stdout.encode(), file="stdout")
    assert written[0]["name"] == "web"


@pytest.mark.cluster
def test_a_user_who_may_not_read_workloads_gets_the_rest_and_the_reason(stage: Scene, run: Run) -> None:
    stored(stage, holding(1))
    access = ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)
    token(stage, access, "reader", "get", "list", resource="rolloutpolicies")
    weak = str(stage.plane.service_account_kubeconfig(stage.namespace, "reader"))

    drawn = run("rollout", "status", f"{stage.namespace}/web", "--kubeconfig", weak)
    document = json.loads(run("rollout", "status", f"{stage.namespace}/web", "-o", "json", "--kubeconfig", weak).stdout)

    assert drawn.code == 0
    assert drawn.lines[0] == f"{stage.namespace}/web  canary, step 2 of 3  waits for approval"
    assert "Pods" not in drawn.lines
    assert drawn.stderr.startswith("cannot see apps/Deployment: ")
    assert (document["sides"], list(document["cannotSee"])) == ([], ["apps/Deployment"])


@pytest.mark.cluster
def test_none_at_all_is_said_on_standard_error(stage: Scene, run: Run) -> None:
    result = run("rollout", "status", "-n", stage.namespace)

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"there are no RolloutPolicies in namespace {stage.namespace}\n"


@pytest.mark.cluster
def test_a_wrong_name_is_one_line_and_exit_code_two(stage: Scene, run: Run) -> None:
    stored(stage, holding(1))

    result = run("rollout", "abort", "wbe", "-n", stage.namespace)

    assert (result.code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.endswith(f"there is {stage.namespace}/web\n")


@pytest.mark.cluster
@pytest.mark.parametrize(
    "case",
    [
        (("approve",), holding(1), holding(1, approvals=("22222222/1",)), "is approved: 22222222 step 2 of 3"),
        (
            ("promote",),
            holding(1),
            at(Phase.STEP, Stage.SCALE, step=2, approvals=("22222222/1",)),
            "continues: 22222222 step 3 of 3",
        ),
        (
            ("promote", "--full"),
            holding(1),
            at(Phase.PROMOTE, Stage.CUT_SCALE, full=True),
            "skips what remains: 22222222",
        ),
        (("pause", "--reason", "x"), holding(0), at(Phase.PAUSED, reason="paused by ada: x"), "paused by ada: x"),
        (("resume",), at(Phase.PAUSED), holding(0), "is resumed: 22222222 step 1 of 3"),
        (("abort",), holding(0), at(Phase.ABORT, Stage.UNROUTE, reason="aborted by ada"), "rolling back (aborted by ada)"),
        (("retry",), at(Phase.HELD, rejected=(REJECTED,)), at(Phase.PENDING), "is tried again: 22222222 is about to start"),
    ],
    ids=lambda case: " ".join(case[0]),
)
def test_what_the_agent_made_of_a_command_is_told(
    stage: Scene, run: Run, case: tuple[tuple[str, ...], RolloutState, RolloutState, str]
) -> None:
    words, before, after, message = case
    stored(stage, before)
    join = obeying(stage, after)

    result = run("rollout", *words, f"{stage.namespace}/web", "--timeout", "20s")

    join()
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{stage.namespace}/web ")
    assert message in result.stdout


@pytest.mark.cluster
def test_a_command_that_makes_no_sense_is_exit_code_one_and_not_written(stage: Scene, run: Run) -> None:
    stored(stage, at(Phase.IDLE))

    result = run("rollout", "promote", f"{stage.namespace}/web")

    assert (result.code, result.stdout) == (1, "")
    assert result.stderr == (f"error: {stage.namespace}/web: no rollout is under way, 11111111 is stable (CommandRefused)\n")
    assert "annotations" not in found(stage)["metadata"]


@pytest.mark.cluster
def test_a_command_that_changed_nothing_is_exit_code_one(stage: Scene, run: Run) -> None:
    stored(stage, holding(0))
    join = obeying(stage, at(Phase.PROMOTE, Stage.CUT_SCALE))

    result = run("rollout", "pause", f"{stage.namespace}/web", "--timeout", "20s")

    join()
    assert (result.code, result.stdout) == (1, "")
    assert "came too late and changed nothing" in result.stderr


@pytest.mark.cluster
def test_a_command_that_no_agent_takes_says_so(stage: Scene, run: Run) -> None:
    stored(stage, holding(1))

    result = run("rollout", "approve", f"{stage.namespace}/web", "--timeout", "1s")

    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: no agent took it within 1 s; it stays on the policy")
    assert result.stderr.endswith("(CommandNotTaken)\n")


@pytest.mark.cluster
def test_without_waiting_it_only_asks(stage: Scene, run: Run) -> None:
    stored(stage, holding(1))

    result = run("rollout", "approve", f"{stage.namespace}/web", "--no-wait")

    assert (result.code, result.stdout) == (0, f"{stage.namespace}/web: approve is requested\n")
    assert command(stage) is not None


@pytest.mark.cluster
def test_why_a_paused_application_takes_no_command_is_told(stage: Scene, run: Run) -> None:
    stage.application("shop", healthy(), suspend={"reason": "incident"})
    stored(stage, holding(1), application=stage.namespace)

    result = run("rollout", "approve", f"{stage.namespace}/web", "--timeout", "1s")

    assert f"Application {stage.namespace}/shop is paused (`gitops-agent resume shop`)" in result.stderr


@pytest.mark.cluster
def test_runs_that_ended_are_listed_newest_first(stage: Scene, run: Run) -> None:
    newest = replace(ENDED, hash="33333333", result="Promoted", reason="", at=START.replace(hour=13))
    stored(stage, at(Phase.IDLE, history=(newest, ENDED)))
    where = f"{stage.namespace}/web"

    assert run("rollout", "history", where).stdout == (
        f"ENDED                 {'ROLLOUT':{len(where)}}  VERSION   REVISION      RESULT      REASON\n"
        f"2026-05-04T13:00:00Z  {where}  33333333  bbbbbbbbbbbb  Promoted\n"
        f"2026-05-04T12:00:00Z  {where}  22222222  bbbbbbbbbbbb  RolledBack  errors failed 2 times\n"
    )
    assert [load["hash"] for load in json.loads(run("rollout", "history", where, "-o", "json").stdout)] == [
        "33333333",
        "22222222",
    ]
    assert run("rollout", "history", where, "-o", "name").lines == ["33333333", "22222222"]


@pytest.mark.cluster
def test_a_rollout_that_never_ran_has_no_history(stage: Scene, run: Run) -> None:
    stored(stage, replace(at(Phase.IDLE), stable=OLD))

    result = run("rollout", "history", f"{stage.namespace}/web")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"no rollout of {stage.namespace}/web has ended yet\n"


def test_a_watch_is_for_people(run: Run) -> None:
    result = run("rollout", "status", "--watch", "-o", "json")

    assert (result.code, result.stderr.count("\n")) == (2, 1)
