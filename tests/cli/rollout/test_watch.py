from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.cli.rollout.watch import change
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Phase, Stage
from tests.cli.cluster_env import ClusterEnv as Place
from tests.cli.policies import at, holding, policy, stored, write
from tests.waiting import eventually

PROGRAM = [sys.executable, "-m", "gitops_agent"]


def test_a_line_of_a_pipe_says_whether_the_share_is_in_force() -> None:
    wanted = replace(holding(1), stage=Stage.ROUTE)
    wanted = replace(wanted, traffic=replace(wanted.traffic, verified_at=None))

    assert change(RolloutProgress.of(policy(holding(1)))).startswith("shop/web  Step  2/3  50 % in force  22222222 step 2 of 3")
    assert change(RolloutProgress.of(policy(wanted))).startswith("shop/web  Step  2/3  50 % wanted  22222222 step 2 of 3")
    assert change(RolloutProgress.of(policy(at(Phase.IDLE)))) == "shop/web  Idle  -  -  11111111 is stable"


def started(stage: Place, *words: str, output: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "KUBECONFIG": str(stage.plane.kubeconfig)}
    argv = [*PROGRAM, "rollout", "status", *words, "--watch"]
    with output.open("wb") as file:
        return subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT, env=environment)


def ended(watching: subprocess.Popen[bytes]) -> int:
    """The exit code; a process that does not end is killed."""
    try:
        return watching.wait(timeout=60)
    finally:
        watching.kill()
        watching.wait()


@pytest.mark.cluster
def test_in_a_pipe_each_change_is_a_line_until_interrupted(stage: Place, tmp_path: Path) -> None:
    stored(stage, holding(0))
    output = tmp_path / "said"
    watching = started(stage, f"{stage.namespace}/web", output=output)
    try:
        eventually(lambda: output.read_text().count("\n") == 1, what="the first line")
        write(stage, holding(0), message="the same")
        write(stage, holding(1))
        eventually(lambda: output.read_text().count("\n") == 2, what="a line for the change")
    finally:
        watching.send_signal(signal.SIGINT)
        code = ended(watching)

    first, second = output.read_text().splitlines()
    assert "  Step  1/3  25 % in force  " in first
    assert "  Step  2/3  50 % in force  " in second
    assert code == 130


@pytest.mark.cluster
def test_a_rollout_that_is_deleted_ends_the_watch(stage: Place, tmp_path: Path) -> None:
    stored(stage, holding(0))
    output = tmp_path / "said"
    watching = started(stage, "web", "-n", stage.namespace, output=output)
    try:
        eventually(lambda: output.read_text().count("\n") == 1, what="the first line")
        stage.plane.request("DELETE", stage.path("rolloutpolicies", "web"))
    finally:
        code = ended(watching)

    assert code == 1
    assert output.read_text().splitlines()[1] == f"error: RolloutPolicy {stage.namespace}/web was deleted (NotFound)"
