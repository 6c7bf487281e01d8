"""Dependencies of charts, from a lock to the cluster."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump
from gitops_agent.render.chart_lock import digest
from tests.acceptance.packaged_chart import TEMPLATE, helm, package
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_charts import packed, unavailable
from tests.acceptance.test_helm_takeover import Release
from tests.acceptance.test_rollout_commands import Shell
from tests.oci.real_registry import real_registry
from tests.source.chart import archives
from tests.source.chart.server import ChartServer, serving
from tests.source.chart.test_provenance import ADA, EVE, clear, text
from tests.source.signature.keys import GpgHome

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

OWN = TEMPLATE.replace("chart", "shop")
"""A ConfigMap of the chart itself."""
CALLED = TEMPLATE.replace(".Release.Name", ".Release.Name }}-{{ .Chart.Name")
"""One that is named like the dependency."""


@pytest.fixture
def charts() -> Iterator[ChartServer]:
    """A repository with two versions of a chart."""
    with serving() as server:
        for version in ("1.2.0", "1.3.0"):
            server.publish("redis", version, package("redis", version, {"config.yaml": CALLED}))
        yield server


def about(*wishes: Object, number: str = "0.1.0") -> str:
    return dump({"apiVersion": "v2", "name": "shop", "version": number, "dependencies": list(wishes)})


def locked_by_helm(folder: Path, charts: ChartServer, text: str) -> str:
    """The lock that the real helm writes for a Chart.yaml."""
    chart = folder / "locked"
    chart.mkdir(exist_ok=True)
    (chart / "Chart.yaml").write_text(text)
    charts.answers["/index.yaml"] = (200, {}, charts.index)  # helm takes no compressed index
    command = [str(helm()), "dependency", "update", str(chart)]
    subprocess.run(command, check=True, capture_output=True, env={"HOME": str(folder)})
    del charts.answers["/index.yaml"]
    return (chart / "Chart.lock").read_text()


def version(team: Tenant, called: str) -> str:
    """The version of a dependency in the cluster."""
    live = team.config(f"{team.name('app')}-{called}-chart")
    return str(live["data"]["version"]) if live is not None else ""


def test_locked_dependencies_reach_the_cluster_and_move_with_a_commit(team: Tenant, charts: ChartServer) -> None:
    wish = {"name": "redis", "version": "~1.2", "repository": charts.url, "alias": "cache", "condition": "cache.enabled"}
    text = about(wish)
    files: dict[str, str | bytes | None] = {
        "Chart.yaml": text,
        "Chart.lock": locked_by_helm(team.folder, charts, text),
        "templates/own.yaml": OWN,
        "values.yaml": "color: blue\n",
    }
    commit = team.commit(files)
    team.declare(render={"helm": {}})
    status = team.settled(commit)["status"]

    assert version(team, "cache") == "1.2.0"
    (dependency,) = status["source"]["dependencies"]
    assert (dependency["name"], dependency["version"], dependency["repository"]) == ("redis", "1.2.0", charts.url)
    shell = Shell(team)
    assert dependency["digest"] in shell.run("lock", shell.application)
    why = shell.run("why", f"ConfigMap/{team.name('app')}-cache-chart", "-n", team.namespace)
    assert f"templates/config.yaml of redis 1.2.0 from {charts.url}" in why
    assert "no differences" in shell.run("diff", shell.application)
    asked = len(charts.seen)
    team.settled(team.commit({"values.yaml": "color: green\n"}))
    assert len(charts.seen) == asked

    stale = about(wish | {"version": "~1.3"})
    team.commit({"Chart.yaml": stale})
    assert "Chart.lock does not fit Chart.yaml: run `helm dependency update .`" in team.says("ChartLockStale")
    assert version(team, "cache") == "1.2.0"

    newer = locked_by_helm(team.folder, charts, stale)
    charts.answers["/index.yaml"] = (503, {}, b"")
    commit = team.commit({"Chart.lock": newer})
    team.says("SourceUnavailable", "Chart.yaml: dependencies: redis")
    assert version(team, "cache") == "1.2.0"
    del charts.answers["/index.yaml"]
    team.ask()
    team.settled(commit)
    assert version(team, "cache") == "1.3.0"

    team.settled(team.commit({"values.yaml": "color: green\ncache: {enabled: false}\n"}))
    assert version(team, "cache") == ""


def test_a_dependency_of_a_registry_is_read_with_the_secret_for_its_address(team: Tenant, tmp_path: Path) -> None:
    with real_registry(tmp_path, user="u:p") as registry:
        url, secret = f"oci://127.0.0.1:{registry.port}/acme/charts", team.name("pull")
        config = json.dumps({"auths": {f"127.0.0.1:{registry.port}/acme": {"username": "u", "password": "p"}}})
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": {".dockerconfigjson": config}}
        team.apply(body, namespace=team.installed.namespace)
        registry.push("acme/charts/kv", packed(package("kv", "0.3.1", {"config.yaml": CALLED})), "0.3.1")
        wishes: list[Object] = [{"name": "kv", "version": "~0.3", "repository": url}]
        entries = [{"name": "kv", "version": "0.3.1", "repository": url}]
        lock = dump({"dependencies": entries, "digest": digest(wishes, entries)})
        commit = team.commit({"Chart.yaml": about(*wishes), "Chart.lock": lock, "templates/own.yaml": OWN})
        team.declare(render={"helm": {}})
        assert "dependencies: kv" in team.says("AuthenticationFailed")

        repositories = [{"url": f"oci://127.0.0.1:{registry.port}/acme", "secretRef": {"name": secret}}]
        team.declare(render={"helm": {"repositories": repositories}})
        team.settled(commit)
        assert version(team, "kv") == "0.3.1"


def test_a_published_chart_that_is_not_complete_keeps_what_its_ranges_mean(team: Tenant, charts: ChartServer) -> None:
    charts.publish("shop", "0.1.0", incomplete(charts.url))
    team.declare(source={"chart": {"repository": charts.url, "name": "shop", "version": "~0.1"}})
    team.until(lambda: version(team, "redis") == "1.3.0", "the dependency is applied")
    team.until(lambda: team.condition().get("status") == "True", "it is ready")
    (dependency,) = team.application()["status"]["source"]["dependencies"]
    assert (dependency["range"], len(dependency["parent"])) == ("1.x", 40)

    charts.publish("redis", "1.4.0", package("redis", "1.4.0", {"config.yaml": CALLED}))
    team.looked()
    assert (version(team, "redis"), unavailable(team)) == ("1.3.0", "")


def test_a_dependency_of_a_signed_chart_is_signed_or_locked(own: Tenant, charts: ChartServer) -> None:
    secret = own.name("signers")

    def sign(name: str, number: str, archive: bytes, signer: str = ADA) -> None:
        file = f"{name}-{number}.tgz"
        proof = text(name=name, version=number, digest=charts.publish(name, number, archive), file=file)
        charts.archives[f"/{file}.prov"] = clear(gpg, proof, signer)

    def trust(**signers: str) -> None:
        keys = {f"{name}.asc": b64encode(gpg.export(signer)).decode() for name, signer in signers.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}}
        own.apply({**body, "data": keys}, namespace=own.installed.namespace)

    def declare(number: str, dependencies: str) -> None:
        verify = {"provenance": {"secretRef": {"name": secret}}, "dependencies": dependencies}
        own.declare(source={"chart": {"repository": charts.url, "name": "shop", "version": number, "verify": verify}})

    own.agent = own.installed.start()
    with GpgHome.temporary() as gpg:
        gpg.key(ADA)
        gpg.key(EVE)
        trust(ada=ADA, eve=EVE)
        sign("shop", "0.1.0", incomplete(charts.url))
        sign("shop", "0.2.0", incomplete(charts.url, "0.2.0", "1.2.0"))

        declare("0.1.0", "locked")
        assert "name one version in Chart.lock" in own.says("ChartDependencyUnverified", "redis 1.x")
        declare("0.2.0", "locked")
        own.until(lambda: version(own, "redis") == "1.2.0", "the exact version is applied")

        declare("0.1.0", "verified")
        own.says("ChartDependencyUnverified", "it has no provenance file")
        assert version(own, "redis") == "1.2.0"
        sign("redis", "1.3.0", package("redis", "1.3.0", {"config.yaml": CALLED}), EVE)
        own.ask()
        own.until(lambda: version(own, "redis") == "1.3.0", "the signed dependency is applied")
        own.until(lambda: unavailable(own) == "", "nothing is wrong")

        own.agent.stop()
        trust(ada=ADA)
        own.agent = own.installed.start()
        own.until(lambda: "demands signatures, also of redis" in unavailable(own), "the withdrawn key is said")
        assert version(own, "redis") == "1.3.0"
        trust(ada=ADA, eve=EVE)
        own.until(lambda: unavailable(own) == "", "its return is said")


def incomplete(url: str, number: str = "0.1.0", wished: str = "1.x") -> bytes:
    """A chart without its dependency, which helm refuses to package."""
    chart = about({"name": "redis", "version": wished, "repository": url}, number=number).encode()
    return archives.packed(archives.member("shop/templates/own.yaml", OWN.encode()), chart=chart, name="shop")


def test_a_release_with_dependencies_is_taken_over_by_its_plan(team: Tenant, charts: ChartServer) -> None:
    text = about({"name": "redis", "version": "~1.2", "repository": charts.url})
    lock = locked_by_helm(team.folder, charts, text)
    archive = next((team.folder / "locked" / "charts").iterdir())
    release = Release(team, helm())
    release.install(
        {
            "Chart.yaml": text,
            "Chart.lock": lock,
            "templates/own.yaml": OWN,
            "values.yaml": "color: blue\n",
            f"charts/{archive.name}": archive.read_bytes(),
        }
    )
    team.commit({"Chart.yaml": text, "Chart.lock": lock, "templates/own.yaml": OWN, "values.yaml": "color: blue\n"})
    result = release.run("--repo-url", team.repository.url, "--path", ".", "--check")

    assert "our render is what the release holds" in result.output
    assert (result.exit_code, "empty: 2 objects are as declared" in result.output) == (0, True), result.output
