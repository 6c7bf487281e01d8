"""The state of a rollout: its writers, and its loss."""

from __future__ import annotations

import pytest

from gitops_agent.rollout.command import CommandKind
from tests.acceptance.objects import deployment, files, service
from tests.acceptance.rollout import API, WEB, Rollout, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

SINGLE = {"leader__enabled": "false"}
STEP = canary({"weight": 50, "approval": True})


def test_a_leader_that_was_followed_by_another_touches_nothing_more(own: Tenant) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    rollout = Rollout(own, STEP)
    rollout.begin()
    commit = rollout.push(2)
    epoch = rollout.at("Step", "Hold")["state"]["epoch"]

    path = f"/apis/{API}/namespaces/{own.namespace}/rolloutpolicies/{WEB}/status"
    patch = {"status": {"state": {"epoch": epoch + 5}}}
    own.plane.request("PATCH", path, patch, content_type="application/merge-patch+json")
    rollout.command(CommandKind.APPROVE)

    def noticed() -> list[object]:
        return [line for line in own.agent.said("reconcile failed") if "later leader" in str(line)]  # type: ignore[union-attr]

    failed = own.until(noticed, "it notices")
    assert "epoch" in str(failed[0])
    second = (rollout.second() or {})["metadata"]["name"]
    own.edit("Deployment", second, {"spec": {"replicas": 1}}, api="apps/v1")
    own.until(lambda: len(noticed()) > len(failed), "it tries again")
    assert (rollout.status()["stage"], rollout.status()["state"]["epoch"]) == ("Hold", epoch + 5)
    assert (rollout.second() or {})["spec"]["replicas"] == 1, "it does not even repair"
    own.agent.kill()

    own.agent = own.installed.start("again", settings=SINGLE)
    own.settled(commit)
    assert rollout.status()["history"][0]["result"] == "Promoted"


@pytest.mark.parametrize("weight", [0, 50])
def test_a_state_that_is_wiped_in_the_middle_leads_back_to_stable_and_then_on(team: Tenant, weight: int) -> None:
    rollout = Rollout(team, canary({"weight": weight, "approval": True}))
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    uid = (rollout.second() or {})["metadata"]["uid"]
    path = f"/apis/{API}/namespaces/{team.namespace}/rolloutpolicies/{WEB}/status"

    def cleaned_up() -> bool:
        """Wipes the state until the old canary is gone.

        A write that was under way may bring it back once; the version keeps the state of the next canary.
        """
        policy = team.get("RolloutPolicy", WEB, api=API) or {}
        if (rollout.second() or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid:
            return True
        if policy.get("status", {}).get("stage") == "Hold":
            wiped = {"metadata": {"resourceVersion": policy["metadata"]["resourceVersion"]}, "status": None}
            team.plane.request("PATCH", path, wiped, content_type="application/merge-patch+json")
        return False

    team.until(cleaned_up, "the old canary is gone")
    rollout.at("Step", "Hold")
    assert rollout.image() == image(1)
    assert rollout.status()["history"][0]["result"] == "Superseded"
    rollout.command(CommandKind.APPROVE)
    team.settled(commit)
    assert rollout.image() == image(2)


def test_history_that_was_rewritten_around_the_same_version_changes_nothing(own: Tenant) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    rollout = Rollout(own, STEP)
    rollout.begin()
    own.agent.kill()
    commit = own.repository.rewrite(rollout.manifests(1))

    own.agent = own.installed.start("again", settings=SINGLE)

    rollout.until(lambda status: status["stable"]["revision"] == commit, "the new commit counts as the stable one")
    rollout.push(2)
    rollout.at("Step", "Hold")
    assert rollout.image() == image(1)


@pytest.mark.parametrize("running", [False, True])
def test_a_stable_commit_that_is_gone_from_git_is_reported_with_the_way_out(own: Tenant, *, running: bool) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    rollout = Rollout(own, STEP)
    rollout.begin()
    if running:
        rollout.push(2)
        rollout.at("Step", "Hold")
    own.agent.kill()
    own.repository.rewrite(rollout.manifests(3))

    own.agent = own.installed.start("again", settings=SINGLE)

    own.says("RolloutRefused", "take the RolloutPolicy out of Git")
    assert rollout.image() == image(1), "nothing is touched meanwhile"
    assert (rollout.second() is not None) is running
    commit = own.replace(files(deployment(WEB, image=image(3), replicas=4), service(WEB)))
    if running:
        own.delete("RolloutPolicy", WEB, api=API)
    own.settled(commit)
    assert rollout.image() == image(3)
    assert rollout.second() is None
    assert rollout.selector("web-canary") is None


def test_a_state_that_cannot_be_read_is_refused_and_nothing_is_touched(team: Tenant) -> None:
    rollout = Rollout(team, STEP)
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    path = f"/apis/{API}/namespaces/{team.namespace}/rolloutpolicies/{WEB}/status"
    patch = {"status": {"state": {"phase": "Somewhere"}}}
    team.plane.request("PATCH", path, patch, content_type="application/merge-patch+json")

    team.until(lambda: "is not the state of a rollout" in str(team.condition()), "it says so")
    assert rollout.second() is not None
    assert rollout.workload()["status"]["availableReplicas"] >= 1


def test_a_restart_by_kubectl_at_rest_is_neither_drift_nor_a_new_version(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50}))
    rollout.begin()
    generation = rollout.workload()["metadata"]["generation"]
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-05-04T12:00:00Z"}

    team.edit(
        "Deployment",
        WEB,
        {"spec": {"template": {"metadata": {"annotations": restarted}}}},
        api="apps/v1",
        manager="kubectl-rollout",
    )
    replaced = {"replicas": 4, "updatedReplicas": 4, "availableReplicas": 4, "observedGeneration": generation + 1}
    team.until(lambda: replaced.items() <= rollout.workload().get("status", {}).items(), "the pods are replaced")
    rollout.replicas = 5
    commit = team.commit(rollout.manifests(1), "More of them")
    team.settled(commit)

    live = rollout.workload()
    assert live["spec"]["replicas"] == 5, "the agent has reconciled it since"
    assert restarted.items() <= live["spec"]["template"]["metadata"]["annotations"].items()
    assert (rollout.status()["phase"], rollout.status().get("history")) == ("Idle", None)
