"""Rollouts controlled by commands, with a real agent and control plane."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.acceptance.installed_agent import InstalledAgent
from tests.acceptance.rollout import Rollout, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


class Shell:
    """A user's terminal."""

    def __init__(self, team: Tenant) -> None:
        self.team = team
        self.rollout = f"{team.namespace}/web"
        self.application = team.name("app")

    def run(self, *words: str, code: int = 0) -> str:
        """The output of a command that ends with this code."""
        kubeconfig, namespace = str(self.team.plane.kubeconfig), self.team.installed.namespace
        environment = {**os.environ, "KUBECONFIG": kubeconfig, "GITOPS_AGENT_NAMESPACE": namespace}
        argv = [sys.executable, "-m", "gitops_agent", *words]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def test_a_canary_is_approved_advanced_and_promoted_by_hand(team: Tenant) -> None:
    steps = ({"weight": 25, "pause": "1s"}, {"weight": 50, "approval": True}, {"weight": 75, "pause": "10m"})
    rollout, shell = Rollout(team, canary(*steps)), Shell(team)
    rollout.begin()
    assert "no differences" in shell.run("diff", shell.application)
    rollout.push(2)
    rollout.at("Step", "Hold", step=1)

    shell.run("wait", shell.application, code=4)
    drawn = shell.run("rollout", "status", shell.rollout, "--exit-code", code=4)
    assert "canary, step 2 of 3  waits for approval" in drawn
    assert "  canary  web-c-" in drawn
    assert f"gitops-agent rollout approve {shell.rollout}" in shell.run("status", shell.application)
    differs = shell.run("diff", shell.application, code=3)
    assert f"(waits for the rollout of {shell.rollout})" in differs
    assert "web-c-" not in differs, "what the rollout made is no difference"
    drawing = shell.run("tree", shell.application).splitlines()
    policy = next(number for number, line in enumerate(drawing) if "RolloutPolicy" in line)
    assert any("web-c-" in line for line in drawing[policy:])
    assert not any("web-c-" in line for line in drawing[:policy])

    assert "is approved" in shell.run("rollout", "approve", shell.rollout)
    rollout.at("Step", "Hold", step=2)
    assert "asks for no approval" in shell.run("rollout", "approve", shell.rollout, code=1)
    assert "continues" in shell.run("rollout", "promote", shell.rollout)

    shell.run("wait", shell.application, "--timeout", "90s")
    assert rollout.image() == image(2)
    assert "Promoted" in shell.run("rollout", "history", shell.rollout)
    assert "Promoted" in shell.run("history", shell.application)
    assert "RolloutPaused" in shell.run("events", shell.application)
    assert "no rollout is under way" in shell.run("rollout", "abort", shell.rollout, code=1)


def test_a_canary_is_paused_aborted_for_a_reason_and_tried_again_in_full(team: Tenant) -> None:
    rollout, shell = Rollout(team, canary({"weight": 50, "pause": "10m"}, {"weight": 75, "approval": True})), Shell(team)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    assert "latency" in shell.run("rollout", "pause", shell.rollout, "--reason", "a look at the latency")
    shell.run("wait", shell.application, code=3)
    shell.run("rollout", "status", shell.rollout, "--exit-code", code=3)
    assert "it is paused" in shell.run("rollout", "promote", shell.rollout, code=1)
    shell.run("rollout", "resume", shell.rollout)
    assert "latency doubled" in shell.run("rollout", "abort", shell.rollout, "--reason", "latency doubled")

    shell.run("wait", shell.application, code=3)
    rollout.at("Held")
    document = json.loads(shell.run("rollout", "status", shell.rollout, "-o", "json"))
    assert document["status"]["rejected"][0]["reason"].endswith(": latency doubled")
    assert document["next"] == [f"gitops-agent rollout retry {shell.rollout}"]
    assert "is not tried again" in shell.run("diff", shell.application, code=3)

    shell.run("rollout", "retry", shell.rollout)
    rollout.at("Step", "Hold")
    shell.run("rollout", "promote", "--full", shell.rollout)
    shell.run("wait", shell.application, "--timeout", "90s")
    assert rollout.image() == image(2)
    assert "no differences" in shell.run("diff", shell.application)


def test_a_command_that_no_agent_takes_is_not_called_done_and_is_followed_by_the_next_one(
    installed: InstalledAgent, own: Tenant
) -> None:
    agent = own.agent = installed.start()
    rollout, shell = Rollout(own, canary({"weight": 50, "approval": True})), Shell(own)
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    agent.stop()

    result = shell.run("rollout", "approve", shell.rollout, "--timeout", "2s", code=1)

    assert "no agent took it within 2 s" in result
    assert "does the agent run?" in result
    own.agent = installed.start("next")
    own.settled(commit)
    assert rollout.image() == image(2)
