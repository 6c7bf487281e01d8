"""Rollback and deletion by commands, with a real agent and control plane."""

from __future__ import annotations

import pytest

from gitops_agent.errors import NotFound
from tests.acceptance.objects import config_map, config_maps, files
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_rollout_commands import Shell

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def gone(team: Tenant) -> bool:
    try:
        team.application()
    except NotFound:
        return True
    return False


def test_a_rollback_pins_the_last_commit_until_it_is_undone(team: Tenant) -> None:
    shell = Shell(team)
    good = team.commit(files(config_map("settings", tone="warm")))
    team.declare()
    team.settled(good)
    bad = team.commit(files(config_map("settings", tone="loud")))
    team.settled(bad)

    assert f"is pinned to commit {good[:12]}" in shell.run("rollback", shell.application)

    assert (team.config("settings") or {})["data"] == {"tone": "warm"}
    team.commit(files(config_map("settings", tone="louder")))
    team.looked()
    assert (team.config("settings") or {})["data"] == {"tone": "warm"}

    newest = team.commit(files(config_map("settings", tone="calm")))
    assert "follows branch main again" in shell.run("rollback", shell.application, "--undo")
    team.settled(newest)
    assert (team.config("settings") or {})["data"] == {"tone": "calm"}


def test_a_deletion_is_shown_and_then_carried_out_by_the_agent(team: Tenant) -> None:
    shell = Shell(team)
    commit = team.commit(files(config_map("one"), config_map("two")))
    team.declare()
    team.settled(commit)

    preview = shell.run("delete", shell.application, "--dry-run")
    assert f"- ConfigMap:{team.namespace}/one" in preview
    assert "2 objects would be deleted" in preview
    assert team.configs() == {"one", "two"}

    assert "deleted" in shell.run("delete", shell.application, "--yes")
    assert team.configs() == set()
    assert gone(team)


def test_a_deletion_over_budget_is_held_and_goes_on_with_its_approval(team: Tenant) -> None:
    shell = Shell(team)
    commit = team.commit(files(*config_maps(8)))
    team.declare()
    team.settled(commit)
    before = team.configs()

    held = shell.run("delete", shell.application, "--yes", code=4)
    assert "it would be held until it is approved: " in held
    assert team.configs() == before

    approve = held[held.index("gitops-agent approve ") :].split()[1:4]
    shell.run(*approve)
    team.until(lambda: gone(team), "the Application is gone")
    assert team.configs() == set()


def test_orphaned_objects_stay(team: Tenant) -> None:
    shell = Shell(team)
    commit = team.commit(files(config_map("one")))
    team.declare()
    team.settled(commit)

    shell.run("delete", shell.application, "--orphan", "--yes")

    assert gone(team)
    assert team.configs() == {"one"}
    assert "one" in shell.run("trace", "cm/one", "-n", team.namespace, "-o", "json")
