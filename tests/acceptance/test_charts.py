"""A chart of a repository is followed like a commit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.source.chart.oci_repository import CONFIG, LAYERS
from tests.acceptance.packaged_chart import package
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_rollout_commands import Shell
from tests.oci.artifacts import Artifact, artifact, digest_of
from tests.oci.cosign.signing import public, signer, simple
from tests.oci.cosign.sigstore_instance import ACTIONS, RELEASE, Instance
from tests.oci.real_registry import real_registry
from tests.source.chart.server import ChartServer, serving
from tests.source.chart.test_provenance import ADA, EVE, clear, text
from tests.source.signature.keys import GpgHome

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


def unavailable(team: Tenant) -> str:
    """Why the source cannot be read; empty when it can."""
    return str(((team.application().get("status") or {}).get("source") or {}).get("message") or "")


def at(team: Tenant, version: str, commit: str = "") -> Object:
    """Waits until a version is applied; returns the Application."""
    name = f"{team.name('app')}-chart"

    def check() -> Object:
        application = team.application()
        status = application.get("status") or {}
        ready: Object = next((condition for condition in status.get("conditions") or [] if condition["type"] == "Ready"), {})
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

    digest = charts.publish("podinfo", "6.5.4", package("podinfo", "6.5.4"), deprecated=True)
    team.ask()
    second = at(team, "6.5.4")["status"]

    assert "the chart podinfo 6.5.4 is deprecated by its authors" in second["warnings"]
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
    shell = Shell(team)
    pinned = shell.run("rollback", shell.application, commit)
    assert f"is pinned to commit {commit[:12]}, version 6.5.4, digest sha256:" in pinned
    at(team, "6.5.4", commit)
    assert color(team) == "green"
    assert "follows branch main, version ~6.5 again" in shell.run("rollback", shell.application, "--undo")
    at(team, "6.5.4", later)


def test_commands_name_charts_and_a_rollback_pins_a_version(team: Tenant, charts: ChartServer) -> None:
    shell = Shell(team)
    team.declare(source=source(charts))
    at(team, "6.5.3")
    charts.publish("podinfo", "6.5.4", package("podinfo", "6.5.4"))
    team.ask()
    at(team, "6.5.4")

    assert f"{charts.url}, chart podinfo ~6.5" in shell.run("status", shell.application)
    assert "podinfo-6.5.3" in shell.run("history", shell.application)
    assert "no differences: 1 objects are as podinfo-6.5.4 declares" in shell.run("diff", shell.application)
    assert "6.5.3" in shell.run("diff", shell.application, "--revision", "6.5.3", code=3)
    why = shell.run("why", f"ConfigMap/{team.name('app')}-chart", "-n", team.namespace)
    assert "templates/config.yaml" in why

    assert "is pinned to version 6.5.3, digest sha256:" in shell.run("rollback", shell.application)
    assert team.application()["spec"]["source"]["chart"]["version"] == "6.5.3"
    at(team, "6.5.3")
    assert "follows version ~6.5 again" in shell.run("rollback", shell.application, "--undo")
    at(team, "6.5.4")


def test_what_a_repository_does_wrong_changes_nothing(team: Tenant, charts: ChartServer) -> None:
    team.declare(source=source(charts))
    at(team, "6.5.3")
    good = charts.archives["/podinfo-6.5.3.tgz"]
    charts.publish("podinfo", "6.5.3", package("podinfo", "6.5.3", {"other.yaml": "kind: Evil"}))
    team.ask()
    message = team.says("ChartRepublished")

    assert "podinfo 6.5.3" in message
    assert "what was followed stays" in message

    charts.publish("podinfo", "6.5.3", good)
    charts.answers["/index.yaml"] = (503, {}, b"")
    team.ask()
    team.until(lambda: "status 503" in unavailable(team), "the outage is said")
    at(team, "6.5.3")

    charts.publish("podinfo", "6.5.4", package("podinfo", "6.5.4"))
    del charts.answers["/index.yaml"]
    at(team, "6.5.4")
    assert unavailable(team) == ""


def test_an_approval_accepts_a_republished_version_and_no_later_content(team: Tenant, charts: ChartServer) -> None:
    shell = Shell(team)
    team.declare(source=source(charts))
    old = at(team, "6.5.3")["status"]["source"]["chart"]["digest"]
    new = charts.publish("podinfo", "6.5.3", package("podinfo", "6.5.3", values="color: red\n"))
    team.ask()
    message = team.says("ChartRepublished")
    plan = message.partition("held (plan ")[2][:12]

    assert old in message
    assert new in message
    assert f"gitops-agent approve {shell.application} {plan}" in shell.run("status", shell.application)
    assert color(team) == "blue"
    shell.run("approve", shell.application, plan)
    team.until(lambda: color(team) == "red", "what was accepted is applied")
    status = at(team, "6.5.3")["status"]
    assert status["source"]["chart"]["digest"] == new
    assert status["history"][0]["approved"].startswith(plan)
    assert status["history"][0]["approver"]

    charts.publish("podinfo", "6.5.3", package("podinfo", "6.5.3", values="color: green\n"))
    team.ask()
    assert f"was {new}" in team.says("ChartRepublished")
    assert color(team) == "red"


def test_a_restart_keeps_the_version_until_the_next_poll(own: Tenant, charts: ChartServer) -> None:
    own.agent = own.installed.start()
    own.declare(source=source(charts, interval="1h"))
    at(own, "6.5.3")
    own.agent.stop()
    shutil.rmtree(own.installed.folder / "agent-cache", ignore_errors=True)
    charts.publish("podinfo", "6.5.4", package("podinfo", "6.5.4"))
    before = charts.asked("/index.yaml")
    own.agent = own.installed.start()
    own.until(lambda: charts.asked("/index.yaml") > before, "the repository is read again")
    own.until(lambda: charts.asked("/podinfo-6.5.3.tgz") > 1, "the version of the status is fetched again")
    at(own, "6.5.3")
    own.ask()

    at(own, "6.5.4")


def test_a_chart_of_a_registry_is_applied_and_moves_with_its_tags(team: Tenant, tmp_path: Path) -> None:
    with real_registry(tmp_path, user="u:p") as registry:
        config = json.dumps({"auths": {f"127.0.0.1:{registry.port}/acme": {"username": "u", "password": "p"}}})
        secret = team.name("pull")
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": {".dockerconfigjson": config}}
        team.apply(body, namespace=team.installed.namespace)
        archive = package("podinfo", "6.5.3")
        registry.push("acme/charts/podinfo", packed(archive), "6.5.3")
        url = f"oci://127.0.0.1:{registry.port}/acme/charts"
        team.declare(source={"chart": {"repository": url, "name": "podinfo", "version": "~6.5", "secretRef": {"name": secret}}})

        assert at(team, "6.5.3")["status"]["source"]["chart"]["digest"] == digest_of(archive)
        newer = package("podinfo", "6.5.4")
        registry.push("acme/charts/podinfo", packed(newer), "6.5.4")
        team.ask()
        assert at(team, "6.5.4")["status"]["source"]["chart"]["digest"] == digest_of(newer)

        registry.push("acme/charts/podinfo", packed(package("podinfo", "6.5.4", more="description: other\n")), "6.5.4")
        team.ask()
        assert digest_of(newer) in team.says("ChartRepublished")
        assert color(team) == "blue"


def test_a_chart_of_a_registry_is_followed_once_it_is_signed(team: Tenant, tmp_path: Path) -> None:
    key, secret = signer(), team.name("cosign")
    pem = public(key).decode()
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": {"release.pub": pem}}
    team.apply(body, namespace=team.installed.namespace)
    with real_registry(tmp_path) as registry:
        digest = registry.push("charts/podinfo", packed(package("podinfo", "6.5.3")), "6.5.3")
        demand = {"cosign": {"keys": {"secretRef": {"name": secret}}}}
        chart = {
            "repository": f"oci://127.0.0.1:{registry.port}/charts",
            "name": "podinfo",
            "version": "~6.5",
            "verify": demand,
        }
        team.declare(source={"chart": chart})

        assert "has no signature" in team.says("Unverified")
        assert team.config(f"{team.name('app')}-chart") is None
        registry.push("charts/podinfo", simple(key, digest), f"{digest.replace(':', '-')}.sig")
        team.ask()
        at(team, "6.5.3")

        newer = registry.push("charts/podinfo", packed(package("podinfo", "6.5.4")), "6.5.4")
        team.ask()
        team.until(lambda: "has no signature" in unavailable(team), "the unsigned version is said")
        at(team, "6.5.3")

        sigstore, root = Instance(), team.name("root")
        body["metadata"], body["stringData"] = {"name": root}, {"trusted_root.json": sigstore.trusted_root().decode()}
        team.apply(body, namespace=team.installed.namespace)
        identities = [{"issuer": ACTIONS, "subject": RELEASE}]
        chart["verify"] = {"cosign": {"identities": identities, "trustedRoot": {"secretRef": {"name": root}}}}
        team.declare(source={"chart": chart})
        registry.push("charts/podinfo", sigstore.simple(newer, sigstore.credential()), f"{newer.replace(':', '-')}.sig")
        team.ask()
        at(team, "6.5.4")


def test_a_version_of_another_signer_is_not_followed(team: Tenant, charts: ChartServer, tmp_path: Path) -> None:
    gpg, secret = GpgHome(tmp_path / "gpg"), team.name("signers")
    for user in (ADA, EVE):
        gpg.key(user)
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}}
    team.apply({**body, "stringData": {"ada.asc": gpg.export(ADA).decode()}}, namespace=team.installed.namespace)

    def publish(version: str, user: str) -> None:
        digest = charts.publish("podinfo", version, package("podinfo", version))
        proof = clear(gpg, text(version=version, digest=digest, file=f"podinfo-{version}.tgz"), user)
        charts.archives[f"/podinfo-{version}.tgz.prov"] = proof

    publish("6.5.3", ADA)
    team.declare(source=source(charts, verify={"provenance": {"secretRef": {"name": secret}}}))
    at(team, "6.5.3")
    publish("6.5.4", EVE)
    team.ask()
    team.until(lambda: "which is not a trusted signer" in unavailable(team), "the signer of the version is refused")
    at(team, "6.5.3")
    gpg.close()


def test_kustomize_changes_what_a_chart_renders(team: Tenant, charts: ChartServer) -> None:
    patch = {"patch": '[{"op": "replace", "path": "/data/color", "value": "green"}]', "target": {"kind": "ConfigMap"}}
    team.declare(
        source=source(charts), render={"helm": {"postRender": {"kustomize": {"patches": [patch], "nameSuffix": "-v2"}}}}
    )

    def live() -> Object:
        return team.config(f"{team.name('app')}-chart-v2") or {}

    assert team.until(live, "the changed object is applied")["data"] == {"version": "6.5.3", "color": "green"}
    assert team.config(f"{team.name('app')}-chart") is None


def packed(archive: bytes) -> Artifact:
    """What `helm push` makes of an archive."""
    return artifact((archive, LAYERS[0]), config=b"{}", config_type=CONFIG)
