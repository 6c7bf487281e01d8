"""Hooks of a chart around a rollout, with a real agent."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.objects import config_map
from tests.acceptance.rollout import Rollout, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

MERGE = "application/merge-patch+json"


def job(name: str, hook: str, run_for: str) -> Object:
    """A Job that runs at a moment of a chart."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example.com/job:1"}]}
    template = {"metadata": {"annotations": {"sandbox.gitops-agent.dev/run-for": run_for}}, "spec": pod}
    metadata = {"name": name, "annotations": {"helm.sh/hook": hook}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


def end(team: Tenant, name: str) -> None:
    """Lets the pods of a Job end well, once they run."""
    pods = f"/api/v1/namespaces/{team.namespace}/pods"
    running: list[Object] = []

    def run() -> bool:
        running[:] = team.plane.request("GET", f"{pods}?labelSelector=job-name={name}")["items"]
        return bool(running) and all(pod.get("status", {}).get("phase") == "Running" for pod in running)

    team.until(run, f"the pods of {name} run")
    for pod in running:
        patch = {"status": {"phase": "Succeeded", "containerStatuses": None}}
        team.plane.request("PATCH", f"{pods}/{pod['metadata']['name']}/status", patch, content_type=MERGE)


def test_a_rollout_begins_after_the_hooks_before_an_upgrade_and_ends_before_those_after_it(team: Tenant) -> None:
    rollout = Rollout(
        team,
        canary({"weight": 50, "approval": True}),
        job("migrate", "pre-upgrade", "10m"),
        job("smoke", "post-upgrade", "0s"),
    )
    rollout.begin()
    assert team.get("Job", "migrate", api="batch/v1") is None, "the first sync is an installation"

    commit = rollout.push(2, config_map("added"))
    team.says("WaitingFor", "waits for pre-sync Job")
    assert rollout.second() is None
    assert team.get("ConfigMap", "added") is None
    assert rollout.image() == image(1)
    end(team, "migrate")

    rollout.at("Step", "Hold")
    assert team.get("Job", "smoke", api="batch/v1") is None, "nothing is promoted yet"
    rollout.command(CommandKind.APPROVE)
    team.settled(commit)
    assert rollout.image() == image(2)
    runs = {run["moment"]: run["state"] for run in team.application()["status"]["hooks"]["runs"]}
    assert runs == {"pre-sync": "Succeeded", "post-sync": "Succeeded"}
