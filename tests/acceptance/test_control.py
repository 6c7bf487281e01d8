"""How people steer: newer commits, pauses, modes, dependencies, approvals by commit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops_agent.sandbox.pod_failures import POD, PodFailure
from tests.acceptance.objects import config_map, config_maps, deployment, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def test_a_commit_that_never_becomes_healthy_is_superseded_at_once(team: Tenant) -> None:
    team.commit(files(deployment("web", image="registry.example.com/missing:1", annotations={POD: PodFailure.NO_PULL})))
    team.declare()
    team.until(lambda: team.application()["status"]["health"]["status"] == "Degraded", "the bad commit is Degraded")

    fixed = team.commit(files(deployment("web", image="registry.example.com/pause:2")))

    def live() -> bool:
        pods = (team.get("Deployment", "web", api="apps/v1") or {})["spec"]["template"]["spec"]
        return bool(pods["containers"][0]["image"] == "registry.example.com/pause:2")

    team.until(live, "the fix is live, long before the deadline of the bad commit")
    team.settled(fixed)


def test_a_commit_that_waits_for_ever_is_superseded_at_once(team: Tenant) -> None:
    wait = {"gitops-agent.dev/depends-on": f"apps/Deployment:{team.namespace}/never"}
    never = deployment("never", annotations={POD: PodFailure.HANG})
    team.commit(files(never, config_map("waits", annotations=wait)))
    team.declare()
    team.says("WaitingFor", "never")
    assert team.configs() == set()

    fixed = team.commit(files(deployment("never"), config_map("waits", annotations=wait)))

    team.settled(fixed)
    assert team.configs() == {"waits"}


def test_a_pause_ends_by_itself_and_drift_waits_for_its_end(team: Tenant) -> None:
    commit = team.commit(files(config_map("good")))
    team.declare()
    team.settled(commit)
    until = datetime.now(UTC) + timedelta(seconds=8)
    team.patch({"spec": {"suspend": {"until": f"{until:%Y-%m-%dT%H:%M:%SZ}", "reason": "incident 4711"}}})
    team.says("Suspended", "incident 4711")

    team.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    team.looked()
    paused = (team.config("good") or {})["data"]
    if datetime.now(UTC) < until - timedelta(seconds=1):
        assert paused == {"key": "by hand"}

    team.until(lambda: (team.config("good") or {})["data"] == {"key": "value"}, "the drift is repaired after the pause")
    team.settled(commit)


def test_a_new_commit_waits_for_the_end_of_a_pause(team: Tenant) -> None:
    first = team.commit(files(config_map("good")))
    team.declare()
    team.settled(first)
    team.patch({"spec": {"suspend": {"reason": "freeze"}}})
    team.says("Suspended", "freeze")

    second = team.commit(files(config_map("more")))
    team.looked()
    assert team.configs() == {"good"}

    team.patch({"spec": {"suspend": None}})
    team.settled(second)
    assert team.configs() == {"good", "more"}


def test_manual_mode_applies_what_was_approved_and_nothing_else(team: Tenant) -> None:
    first = team.commit(files(config_map("good")))
    team.declare(sync={"mode": "manual"})
    plan, _ = team.held("manual")
    assert team.configs() == set()
    team.approve(plan)
    team.settled(first)

    second = team.commit(files(config_map("more")))
    newer, _ = team.held("manual")
    assert newer != plan
    team.looked()
    assert team.configs() == {"good"}
    team.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    team.until(lambda: (team.config("good") or {})["data"] == {"key": "value"}, "drift is repaired without approval")

    team.approve(newer)
    team.settled(second)


def test_observe_mode_reports_and_changes_nothing(team: Tenant) -> None:
    team.apply(config_map("good", key="somebody's"))
    team.commit(files(config_map("good"), config_map("more")))
    team.declare(sync={"mode": "observe"})

    team.says("Observing", "2 of 2")
    team.looked()

    assert team.configs() == {"good"}
    live = team.config("good") or {}
    assert live["data"] == {"key": "somebody's"}
    assert not live["metadata"].get("labels")


def test_an_application_waits_for_the_one_it_depends_on(team: Tenant) -> None:
    parts = {f"db/{name}": text for name, text in files(deployment("db", annotations={POD: PodFailure.HANG})).items()}
    parts |= {f"web/{name}": text for name, text in files(config_map("web")).items()}
    team.commit(parts)
    team.declare("web", source={"path": "web"}, dependsOn=[{"name": team.name("db")}])
    team.says("WaitingFor", team.name("db"), short="web")
    team.declare("db", source={"path": "db"})
    team.until(lambda: team.condition("Ready", "db").get("reason") == "Progressing", "the database starts")
    team.looked("web")
    assert team.configs() == set()

    fixed = team.commit({f"db/{name}": text for name, text in files(deployment("db")).items()})

    team.settled(fixed, "db")
    team.settled(fixed, "web")
    assert team.configs() == {"web"}


def test_a_plan_is_not_approved_by_the_trailer_of_a_commit(team: Tenant) -> None:
    first = team.commit(files(config_map("stays"), *config_maps(7)))
    team.declare()
    team.settled(first)
    team.replace(files(config_map("stays")))
    plan, _ = team.held("7 objects")

    commit = team.push(f"Tidy up\n\nAs agreed.\n\nGitops-Agent-Approve: {plan}")

    team.held("the trailer of its commit does not approve it")
    assert len(team.configs()) == 8
    team.approve(plan)
    team.settled(commit)
    assert team.configs() == {"stays"}


def test_a_create_only_object_is_made_once_and_then_left_alone(team: Tenant) -> None:
    once = {"gitops-agent.dev/apply": "create-only"}
    first = team.commit(files(config_map("seed", annotations=once), config_map("good")))
    team.declare()
    team.settled(first)
    team.edit("ConfigMap", "seed", {"data": {"key": "grown"}}, manager="the-program-itself")

    second = team.commit(files(config_map("seed", annotations=once, key="newer"), config_map("more")))

    team.settled(second)
    assert (team.config("seed") or {})["data"] == {"key": "grown"}
