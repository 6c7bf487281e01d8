"""New versions of a chart that fail, with and without a rollout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.objects import config_map, deployment, files, service
from tests.acceptance.packaged_chart import package
from tests.acceptance.rollout import BAD, WEB, Rollout, canary, image, policy
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_rollout_commands import Shell
from tests.source.chart.server import ChartServer, serving

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def charts() -> Iterator[ChartServer]:
    with serving() as server:
        yield server


def source(charts: ChartServer) -> Object:
    return {"chart": {"repository": charts.url, "name": "web", "version": "1.x"}}


def revision(team: Tenant) -> str:
    """The applied version."""
    return str(((team.application().get("status") or {}).get("sync") or {}).get("shortRevision"))


def ready_at(team: Tenant, version: str) -> None:
    def check() -> bool:
        return revision(team) == f"web-{version}" and team.condition().get("status") == "True"

    team.until(check, f"web {version} is ready")


def test_a_version_goes_through_a_canary_and_a_bad_one_is_taken_back(team: Tenant, charts: ChartServer) -> None:
    def publish(version: str, number: int, *, bad: bool = False, **spec: str) -> None:
        workload = deployment(WEB, image=image(number), replicas=2, annotations=BAD if bad else None)
        rules = policy(canary({"weight": 50}), **spec)
        charts.publish("web", version, package("web", version, files(workload, service(WEB), rules)))

    rollout = Rollout(team, canary({"weight": 50}))
    publish("1.0.0", 1)
    team.declare(source=source(charts))
    ready_at(team, "1.0.0")
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")

    publish("1.1.0", 2)
    team.ask()
    rollout.until(lambda status: [run["result"] for run in status.get("history") or []] == ["Promoted"], "it is promoted")
    ready_at(team, "1.1.0")
    assert rollout.image() == image(2)

    publish("1.2.0", 3, bad=True, progressDeadline="4s")
    team.ask()
    status = rollout.at("Held")
    assert "did not come up in time" in team.says("RolledBack")
    assert (rollout.image(), rollout.second()) == (image(2), None)
    assert status["rejected"][0]["revision"].startswith("web-1.2.0@sha256:")


def test_a_degraded_version_is_replaced_by_the_last_healthy_one(team: Tenant, charts: ChartServer) -> None:
    def publish(version: str, *, bad: bool = False, deprecated: bool = False) -> None:
        workload = deployment(WEB, annotations=BAD if bad else None)
        charts.publish(
            "web", version, package("web", version, files(workload, config_map("web", version=version))), deprecated=deprecated
        )

    publish("1.0.0")
    team.declare(source=source(charts), sync={"timeout": "5s", "rollback": {"onDegraded": True}})
    ready_at(team, "1.0.0")
    publish("1.1.0", bad=True, deprecated=True)
    team.ask()
    message = team.says("RolledBack", "; web-1.0.0 is applied")

    assert "web-1.1.0 is rejected: apps/Deployment" in message
    team.until(lambda: (team.config("web") or {}).get("data") == {"version": "1.0.0"}, "the healthy version is applied")
    status = team.application()["status"]
    assert (status["source"]["chart"]["version"], revision(team)) == ("1.1.0", "web-1.0.0")
    assert not [warning for warning in status.get("warnings") or [] if "deprecated" in warning]
    shell = Shell(team)
    assert "web-1.0.0" in shell.run("history", shell.application)

    publish("1.1.1")
    team.declare(source=source(charts), sync={"rollback": {"onDegraded": True}})
    team.ask()
    ready_at(team, "1.1.1")
    assert (team.config("web") or {})["data"] == {"version": "1.1.1"}
