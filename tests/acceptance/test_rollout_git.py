"""What Git changes during a run, and while a version is rejected."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.objects import config_map, files, service
from tests.acceptance.rollout import WEB, Rollout, blue_green, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@pytest.mark.parametrize(
    ("strategy", "stable", "second"),
    [(canary({"weight": 50, "approval": True}), 3, 3), (blue_green(autoPromote=False), 6, 6)],
    ids=["canary", "blueGreen"],
)
def test_git_scales_and_changes_whatever_is_no_version(team: Tenant, strategy: Object, stable: int, second: int) -> None:
    rollout = Rollout(team, strategy, replicas=2)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    rollout.replicas = 6
    rollout.push(2, config_map("other", colour="red"))
    team.until(lambda: team.config("other") is not None, "an object of no rollout is applied during the run")
    team.until(lambda: rollout.workload()["status"].get("availableReplicas") == stable, "the stable side is scaled")
    team.until(lambda: ((rollout.second() or {}).get("status") or {}).get("availableReplicas") == second, "and the canary")
    rollout.at("Step", "Hold")
    assert rollout.image() == image(1)

    rollout.command(CommandKind.ABORT)
    rollout.at("Held")
    rollout.replicas = 1
    rollout.push(2, config_map("other", colour="blue"))
    team.until(lambda: (team.config("other") or {}).get("data") == {"colour": "blue"}, "it is changed after the rollback")
    team.until(lambda: rollout.workload()["status"].get("replicas") == 1, "the stable version is scaled after the rollback")

    assert rollout.image() == image(1)
    held = f"apps/Deployment:{team.namespace}/web: its spec, but for what scales it"
    rollout.until(lambda status: status.get("held") == [held], "the status names what is held back")


def test_a_version_begins_though_its_commit_renames_the_service_and_adds_an_autoscaler(team: Tenant) -> None:
    rollout = Rollout(team, blue_green(), replicas=2)
    rollout.begin()
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": WEB}
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": WEB},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3},
    }
    named = service(WEB)
    named["metadata"]["name"] = "shop"
    rollout.spec["service"] = "shop"
    (old,) = files(service(WEB))

    commit = team.commit({**rollout.manifests(2, scaler, named), old: None}, "Rename the Service, scale automatically")

    team.until(lambda: rollout.image() == image(2), "the version takes over")
    team.until(lambda: team.application()["status"]["sync"]["revision"] == commit, "the commit is applied")
    team.until(lambda: rollout.selector() is None, "the old Service goes")
    assert rollout.selector("shop") == {"app": WEB, "gitops-agent.dev/variant": "primary"}
