"""A chart of a repository is followed like a commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.packaged_chart import package
from tests.acceptance.tenant import Tenant
from tests.source.chart.server import ChartServer, serving

pytestmark = [pytest.mark.cluster]


@pytest.fixture
def charts() -> Iterator[ChartServer]:
    """A repository with one version of a chart."""
    with serving() as server:
        server.publish("podinfo", "6.5.3", package("podinfo", "6.5.3"))
        yield server


def source(charts: ChartServer, version: str = "~6.5", **more: Any) -> Object:
    return {"chart": {"repository": charts.url, "name": "podinfo", "version": version, **more}}


def color(team: Tenant) -> str:
    live = team.config(f"{team.name('app')}-chart")
    return str(live["data"]["color"]) if live is not None else ""


def at(team: Tenant, version: str, commit: str = "") -> Object:
    """Waits until a version is applied; returns the Application."""
    name = f"{team.name('app')}-chart"

    def check() -> Object:
        application = team.application()
        status = application.get("status") or {}
        ready: Object = next((one for one in status.get("conditions") or [] if one["type"] == "Ready"), {})
        revision = f"{commit[:12]}+podinfo-{version}" if commit else f"podinfo-{version}"
        shown = status.get("sync", {}).get("shortRevision") == revision
        live = team.config(name)
        done = shown and ready.get("status") == "True" and live is not None and live["data"]["version"] == version
        return application if done else {}

    return team.until(check, f"podinfo {version} is applied")


def test_a_range_is_applied_and_moves_with_a_poll(team: Tenant, charts: ChartServer) -> None:
    team.declare(source=source(charts))
    first = at(team, "6.5.3")["status"]

    assert first["source"]["chart"]["version"] == "6.5.3"
    assert first["source"]["chart"]["range"] == "~6.5"
    assert first["sync"]["revision"] == f"podinfo-6.5.3@{first['source']['chart']['digest']}"

    digest = charts.publish("podinfo", "6.5.4", package("podinfo", "6.5.4"))
    team.ask()
    second = at(team, "6.5.4")["status"]

    assert second["source"]["chart"]["digest"] == digest
    assert [entry["revision"].partition("@")[0] for entry in second["history"]] == ["podinfo-6.5.4", "podinfo-6.5.3"]


def test_a_commit_holds_the_values_of_a_chart(team: Tenant, charts: ChartServer) -> None:
    commit = team.commit({"apps/podinfo/values.yaml": "color: green\n"})
    chart = source(charts)["chart"]
    team.declare(source={"path": "apps/podinfo"}, render={"helm": {"chart": chart, "valuesFiles": ["values.yaml"]}})
    status = at(team, "6.5.3", commit)["status"]

    assert color(team) == "green"
    assert status["sync"]["revision"] == f"{commit}+podinfo-6.5.3@{status['source']['chart']['digest']}"

    charts.publish("podinfo", "6.5.4", package("podinfo", "6.5.4"))
    team.ask()
    at(team, "6.5.4", commit)
    later = team.commit({"apps/podinfo/values.yaml": "color: red\n"})
    at(team, "6.5.4", later)

    assert color(team) == "red"
