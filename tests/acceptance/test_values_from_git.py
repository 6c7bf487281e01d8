"""Values of a chart come from another Git repository."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import with_values
from gitops_agent.manifest.yaml import dump
from tests.acceptance.objects import deployment
from tests.acceptance.repository import Repository
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_rollout_commands import Shell

pytestmark = [pytest.mark.cluster]

CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {color: {{ .Values.color | quote }}}\n"


@pytest.fixture
def values_repository(team: Tenant) -> Repository:
    return Repository(team.folder / "shared")


def color(team: Tenant) -> str:
    live = team.config("web")
    return str(live["data"]["color"]) if live is not None else ""


def values(application: Object) -> list[Object]:
    listed: list[Object] = application["status"]["source"]["values"]
    return listed


def test_values_of_another_repository_are_followed_shown_and_rolled_back(team: Tenant, values_repository: Repository) -> None:
    own = team.commit({"web/Chart.yaml": CHART, "web/templates/web.yaml": TEMPLATE, "web/values.yaml": "color: grey\n"})
    first = values_repository.commit({"prod/web.yaml": "color: green\n"}, "Paint it green")
    source = {"kind": "Git", "repoURL": values_repository.url, "ref": {"branch": "main"}, "path": "prod/web.yaml"}
    team.declare(source={"path": "web"}, render={"helm": {"valuesFrom": [source]}})
    green = with_values(own, [(values_repository.url, first)])
    shown = values(team.settled(green))

    assert color(team) == "green"
    assert shown == [{"repository": values_repository.url, "ref": "branch main", "commit": first}]

    second = values_repository.commit({"prod/web.yaml": "color: red\n"}, "Paint it red")
    team.ask()
    team.settled(with_values(own, [(values_repository.url, second)]))
    assert color(team) == "red"

    shell = Shell(team)
    why = shell.run("why", "ConfigMap/web", "data.color", "-n", team.namespace)
    assert f"prod/web.yaml of {values_repository.url} at {second[:12]}" in why
    assert "Paint it red" in why
    assert f"{own[:12]}+values@{first[:12]}" in shell.run("history", shell.application)
    assert f"{second[:12]} (branch main of {values_repository.url})" in shell.run("status", shell.application)
    assert "no differences" in shell.run("diff", shell.application)

    pinned = shell.run("rollback", shell.application)
    assert f"is pinned to commit {own[:12]}, values at commit {first}" in pinned
    team.settled(green)
    assert color(team) == "green"
    assert "follows branch main, values at branch main again" in shell.run("rollback", shell.application, "--undo")
    team.settled(with_values(own, [(values_repository.url, second)]))

    values_repository.vanish()
    team.ask()

    def unavailable() -> str:
        return str(team.application()["status"]["source"].get("message") or "")

    assert values_repository.url in team.until(unavailable, "the repository with values cannot be read")
    assert color(team) == "red"
    later = team.commit({"web/values.yaml": "color: blue\n"})
    values_repository.come_back()
    team.ask()
    team.settled(with_values(later, [(values_repository.url, second)]))


def test_an_automatic_rollback_restores_the_values_of_the_healthy_commit(team: Tenant, values_repository: Repository) -> None:
    workload = dump(deployment("web", annotations={"sandbox.gitops-agent.dev/pod": "POD"})).replace("POD", "{{ .Values.pod }}")
    files = {"web/Chart.yaml": CHART, "web/templates/web.yaml": TEMPLATE, "web/templates/workload.yaml": workload}
    own = team.commit({**files, "web/values.yaml": "pod: runs\n"})
    first = values_repository.commit({"web.yaml": "color: green\n"})
    source = {"kind": "Git", "repoURL": values_repository.url, "ref": {"branch": "main"}, "path": "web.yaml"}
    sync = {"timeout": "5s", "rollback": {"onDegraded": True}}
    team.declare(source={"path": "web"}, render={"helm": {"valuesFrom": [source]}}, sync=sync)
    green = with_values(own, [(values_repository.url, first)])
    team.settled(green)

    second = values_repository.commit({"web.yaml": "color: red\npod: crash\n"})
    team.ask()
    message = team.says("RolledBack", f"+values@{first[:12]} is applied")
    assert f"+values@{second[:12]} is rejected" in message
    team.until(lambda: color(team) == "green", "the values before are applied again")
    assert team.application()["status"]["sync"]["revision"] == green
