"""Rollouts with a real agent and control plane, behind a Service."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.objects import config_map, config_maps, deployment, files, service
from tests.acceptance.rollout import API, BAD, WEB, Rollout, blue_green, canary, image, policy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def test_a_canary_goes_through_its_steps_and_is_promoted(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 25}, {"weight": 50, "approval": True}))
    rollout.begin()

    commit = rollout.push(2)
    status = rollout.at("Step", "Hold", step=1)
    second = rollout.second()
    assert second is not None
    assert (second["spec"]["replicas"], rollout.workload()["spec"]["replicas"]) == (2, 2)
    assert rollout.image() == image(1), "the workload itself is the old version until the promotion"
    assert status["approval"].endswith("/1")
    rollout.command(CommandKind.APPROVE)

    team.settled(commit)
    assert rollout.image() == image(2)
    assert rollout.second() is None
    assert rollout.selector("web-canary") is None
    assert rollout.status()["history"][0]["result"] == "Promoted"


def test_blue_green_switches_at_once_and_the_old_version_stays_until_then(team: Tenant) -> None:
    rollout = Rollout(team, blue_green(autoPromote=False))
    rollout.begin()

    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    second = rollout.second()
    assert second is not None
    assert second["spec"]["replicas"] == 4
    assert (rollout.selector() or {})["gitops-agent.dev/variant"] == "primary"
    rollout.command(CommandKind.APPROVE)

    team.settled(commit)
    assert rollout.image() == image(2)
    assert rollout.second() is None


def test_an_aborted_canary_leaves_the_stable_version_and_is_not_tried_again_until_asked(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")

    rollout.command(CommandKind.ABORT)

    status = rollout.at("Held")
    assert rollout.second() is None
    assert rollout.image() == image(1)
    assert rollout.workload()["spec"]["replicas"] == 4
    assert status["rejected"][0]["revision"] == commit
    assert "aborted by tester" in team.says("RolledBack")
    assert team.application()["status"]["sync"]["status"] == "OutOfSync"

    rollout.command(CommandKind.RETRY)
    rollout.at("Step", "Hold")
    rollout.command(CommandKind.PROMOTE)
    team.settled(commit)
    assert rollout.image() == image(2)


@pytest.mark.parametrize(
    ("strategy", "failure", "words"),
    [
        (canary({"weight": 50}), {"pod": "crash", "exit-code": "7", "last-words": "no database"}, "exit code 7"),
        (canary({"weight": 50}), {"pod": "no-pull"}, "ImagePullFailed"),
        ({"rolling": {}}, {"pod": "probe-fails"}, "ProbeFailed"),
    ],
)
def test_the_reason_why_pods_did_not_come_up_is_in_history_and_status(
    team: Tenant, strategy: Object, failure: dict[str, str], words: str
) -> None:
    rollout = Rollout(team, strategy, progressDeadline="8s", service=None if "rolling" in strategy else WEB)
    commit = team.commit(rollout.manifests(1))
    team.declare()
    team.settled(commit)
    rollout.push(2, annotations={f"sandbox.gitops-agent.dev/{name}": value for name, value in failure.items()})

    status = rollout.at("Held")

    assert words in team.says("RolledBack")
    assert [words in entry["reason"] for entry in (status["history"][0], status["rejected"][0])] == [True, True]


def test_a_first_version_that_crashes_is_corrected_without_steps(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    team.commit(rollout.manifests(1, annotations=BAD))
    team.declare()
    rollout.until(lambda status: status["state"].get("unproven"), "no pod of the first version has come up")

    commit = rollout.push(2)

    team.settled(commit)
    assert rollout.image() == image(2)
    assert [run["result"] for run in rollout.status()["history"]] == ["Promoted"]


def test_a_canary_whose_pods_crash_is_rolled_back_and_a_fixed_commit_continues(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50}), progressDeadline="4s")
    rollout.begin()
    rollout.push(2, annotations=BAD)

    rollout.at("Held")
    assert "did not come up in time" in team.says("RolledBack")
    assert rollout.second() is None

    commit = rollout.push_fixed(3)
    team.settled(commit)
    assert rollout.image() == image(3)


def test_a_newer_commit_takes_over_from_one_that_is_under_way(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    rollout.push(2)
    first = rollout.at("Step", "Hold")["target"]["hash"]

    rollout.push(3)

    status = rollout.until(
        lambda status: status["phase"] == "Step" and status["stage"] == "Hold" and status["target"]["hash"] != first,
        "the newer version is in the step",
    )
    assert [run["result"] for run in status["history"]] == ["Superseded"]
    assert "rejected" not in status
    second = rollout.second()
    assert second is not None
    assert second["spec"]["template"]["spec"]["containers"][0]["image"] == image(3)


def test_a_revert_in_git_ends_the_run_and_blames_no_version(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    commit = rollout.push(1)

    team.settled(commit)
    assert rollout.second() is None
    assert rollout.image() == image(1)
    assert "rejected" not in rollout.status()


def test_a_changed_config_map_rolls_out_and_back_with_its_pods(team: Tenant) -> None:
    def reading(number: int) -> dict[str, str]:
        workload = deployment(WEB, image=image(1), replicas=2)
        source = [{"configMapRef": {"name": "settings"}}]
        workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = source
        made = policy(canary({"weight": 50, "approval": True}))
        return files(workload, service(WEB), made, config_map("settings", colour=f"number {number}"))

    rollout = Rollout(team, canary())
    commit = team.commit(reading(1))
    team.declare()
    team.settled(commit)
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")

    team.commit(reading(2))
    hashed = rollout.at("Step", "Hold")["target"]["hash"]
    assert (team.config("settings") or {})["data"] == {"colour": "number 1"}
    assert (team.config(f"settings-{hashed}") or {})["data"] == {"colour": "number 2"}
    rollout.command(CommandKind.ABORT)

    rollout.at("Held")
    assert (team.config("settings") or {})["data"] == {"colour": "number 1"}
    assert team.config(f"settings-{hashed}") is None


def test_a_rolling_update_that_fails_is_taken_back(team: Tenant) -> None:
    rollout = Rollout(team, {"rolling": {}}, progressDeadline="5s", service=None)
    commit = team.commit(rollout.manifests(1))
    team.declare()
    team.settled(commit)
    rollout.at("Idle")

    rollout.push(2, annotations=BAD)

    rollout.at("Held", seconds=90.0)
    assert rollout.image() == image(1)
    commit = rollout.push_fixed(3)
    team.settled(commit)
    assert rollout.image() == image(3)


def test_a_running_deployment_is_adopted_before_its_service_selects_by_the_label(team: Tenant) -> None:
    plain = files(deployment(WEB, image=image(1), replicas=3), service(WEB))
    team.settled(_declared(team, plain))
    rollout = Rollout(team, canary({"weight": 50}), replicas=3)

    team.commit(rollout.manifests(1))
    rollout.until(lambda status: status["state"].get("adoption") in ("Select", "Done"), "the pods are labelled")
    labelled = rollout.workload()
    assert labelled["spec"]["template"]["metadata"]["labels"]["gitops-agent.dev/variant"] == "primary"
    assert labelled["status"]["updatedReplicas"] == labelled["status"]["availableReplicas"] == 3
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "its Service selects by the label")
    assert (rollout.selector() or {})["gitops-agent.dev/variant"] == "primary"


def test_a_policy_that_git_drops_in_the_middle_leaves_nothing_behind(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    commit = team.replace(files(deployment(WEB, image=image(2), replicas=4), service(WEB)))

    team.settled(commit)
    assert rollout.second() is None
    assert rollout.selector("web-canary") is None
    assert rollout.image() == image(2)
    assert team.get("RolloutPolicy", WEB, api=API) is None
    assert rollout.selector() == {"app": WEB}


def test_a_policy_that_a_hand_deletes_in_the_middle_comes_back_and_the_run_begins_anew(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")

    team.delete("RolloutPolicy", WEB, api=API)

    rollout.until(lambda status: status["phase"] == "Step" and status["stage"] == "Hold", "it is in its step again")
    assert rollout.image() == image(1)
    rollout.command(CommandKind.PROMOTE)
    team.settled(commit)


def test_what_a_hand_deletes_in_the_middle_comes_back(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    name = (rollout.second() or {})["metadata"]["name"]

    team.delete("Deployment", name, api="apps/v1")
    team.delete("Service", "web-canary")
    team.delete("Service", WEB)
    team.delete("Deployment", WEB, api="apps/v1")

    team.until(lambda: rollout.second() and rollout.selector() and rollout.selector("web-canary"), "all is back")
    rollout.at("Step", "Hold")
    assert rollout.image() == image(1)
    rollout.command(CommandKind.PROMOTE)
    team.settled(commit)
    assert rollout.image() == image(2)


def test_the_numbers_of_pods_are_repaired_while_a_step_holds(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50, "approval": True}))
    rollout.begin()
    rollout.push(2)
    rollout.at("Step", "Hold")

    team.edit("Deployment", WEB, {"spec": {"replicas": 1}}, api="apps/v1")

    team.until(lambda: rollout.workload()["spec"]["replicas"] == 2, "the share is restored")


def test_a_commit_that_would_be_held_is_approved_before_its_rollout_begins(team: Tenant) -> None:
    rollout = Rollout(team, canary({"weight": 50}), *config_maps(8))
    rollout.begin()

    commit = team.replace(Rollout(team, canary({"weight": 50})).manifests(2))

    plan, message = team.held("8 objects would go")
    assert "item-0" in message
    assert rollout.status()["phase"] == "Pending"
    assert rollout.second() is None
    team.looked()
    assert team.agent is not None
    mine = [line for line in team.agent.reconciles() if line["application"].endswith(team.name("app"))]
    first = next(number for number, line in enumerate(mine) if line["held"])
    assert {line["plan"] for line in mine[first:]} == {plan[:12]}, "what is to be approved is the same from the first look on"
    team.approve(plan)
    team.settled(commit)
    assert rollout.image() == image(2)
    assert team.configs() == set()


def test_two_workloads_of_one_commit_wait_for_each_other_and_go_back_together(team: Tenant) -> None:
    def both(number: int, deadline: str = "10m", **changes: object) -> dict[str, str]:
        api = deployment("api", image=image(number), replicas=2, **changes)  # type: ignore[arg-type]
        other = policy(canary({"weight": 50}), targetRef={"kind": "Deployment", "name": "api"}, service="api")
        other["metadata"]["name"] = "api"
        other["spec"]["progressDeadline"] = deadline
        made = policy(canary({"weight": 50}))
        return files(deployment(WEB, image=image(number), replicas=2), service(WEB), made, api, service("api"), other)

    rollout = Rollout(team, canary(), replicas=2)
    commit = team.commit(both(1))
    team.declare()
    team.settled(commit)
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")

    team.commit(both(2, "4s", annotations=BAD))

    rollout.at("Held")
    assert "the rollout of api" in rollout.status()["message"]
    assert rollout.image() == image(1)
    commit = team.commit(both(2))
    team.settled(commit)
    assert rollout.image() == image(2), "nobody found fault with it: it comes in with the version that api needed"


def test_a_workload_that_an_autoscaler_scales_is_refused_behind_a_plain_service(team: Tenant) -> None:
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": WEB},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WEB},
            "minReplicas": 2,
            "maxReplicas": 5,
        },
    }
    rollout = Rollout(team, canary({"weight": 50}), autoscaler)
    commit = team.commit(rollout.manifests(1))
    team.declare()
    team.until(lambda: rollout.status().get("phase") == "Idle" and commit, "it is known")

    rollout.push(2)

    rollout.until(lambda status: "scaled by an autoscaler" in status["message"], "it says why")
    assert rollout.image() == image(1)


def _declared(team: Tenant, contents: dict[str, str]) -> str:
    commit = team.commit(contents)
    team.declare()
    return commit
