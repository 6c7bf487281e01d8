from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.importer.helm_application import ChartOrigin, application_of, sensitive, write_chart
from gitops_agent.importer.helm_release import ReleaseUnreadable, newest, read_release
from gitops_agent.manifest.key import Object

SECRET_KEYS = ["/auth/password", "/db/apiKey"]


def payload(**changed: Any) -> Object:
    chart = {
        "metadata": {"apiVersion": "v2", "name": "podinfo", "version": "6.5.4"},
        "values": {"replicas": 1},
        "templates": [{"name": "templates/a.yaml", "data": base64.b64encode(b"a: 1").decode()}],
        "files": [{"name": "README.md", "data": ""}],
        "schema": base64.b64encode(b"{}").decode(),
    }
    hook = {"events": ["pre-install"], "manifest": "apiVersion: v1\nkind: Pod\nmetadata: {name: hook}\n"}
    test = {"events": ["test"], "manifest": "apiVersion: v1\nkind: Pod\nmetadata: {name: test}\n"}
    manifest = "---\n# Source: podinfo/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
    manifest += "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: other}\n"
    config = {"auth": {"password": "hunter22", "user": "shop"}, "db": {"apiKey": "k", "token": ""}}
    whole = {"name": "web", "namespace": "shop", "version": 3, "chart": chart, "config": config, "manifest": manifest}
    return {**whole, "hooks": [hook, test], **changed}


def secret(content: Any, *, name: str = "sh.helm.release.v1.web.v3", packed: bool = True, **labels: str) -> Object:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    data = base64.b64encode(gzip.compress(data) if packed else data)
    metadata = {"name": name, "namespace": "shop", "labels": {"owner": "helm", "name": "web", **labels}}
    return {"metadata": metadata, "data": {"release": base64.b64encode(data).decode()}}


@pytest.mark.parametrize("packed", [True, False])
def test_a_release_is_read(packed: bool) -> None:  # noqa: FBT001 - a case
    release = read_release(secret(payload(), packed=packed))
    assert (release.name, release.namespace, release.version, release.whole) == ("web", "shop", 3, True)
    assert [obj["metadata"]["name"] for _, obj in release.objects()] == ["a", "b", "hook"]
    assert [source for source, _ in release.objects()][:1] == ["podinfo/templates/a.yaml"]
    assert [str(key) for key in release.deleted()] == ["ConfigMap:shop/a", "ConfigMap:other/b"]


def test_a_chart_with_dependencies_is_not_whole() -> None:
    content = payload()
    content["chart"]["metadata"]["dependencies"] = [{"name": "redis"}]
    assert not read_release(secret(content)).whole


@pytest.mark.parametrize(
    "bad",
    [
        secret(b"no json"),
        secret({}),
        secret(payload(chart=None)),
        secret(payload(chart={"metadata": {}, "files": [{"name": "../../etc/passwd", "data": ""}]})),
        secret(payload(chart={"metadata": {}, "files": [{"name": "/etc/passwd", "data": ""}]})),
        secret(payload(version="x")),
        secret(b"\0" * (65 << 20)),
        {"metadata": {"name": "x"}, "data": {"release": "***"}},
        {"metadata": {"name": "x"}},
    ],
    ids=range(9),
)
def test_what_is_no_release_is_refused(bad: Object) -> None:
    with pytest.raises(ReleaseUnreadable) as caught:
        read_release(bad)
    assert "hunter22" not in caught.value.message


def test_the_newest_deployed_revision_counts() -> None:
    rows = [("deployed", "9"), ("deployed", "10"), ("failed", "11"), ("superseded", "8")]
    secrets = [secret(payload(), name=version, status=status, version=version) for status, version in rows]
    current = newest(secrets)
    assert current is not None
    assert current["metadata"]["name"] == "10"
    assert newest(secrets[2:]) is None


def test_an_application_observes_what_the_release_declares() -> None:
    release = read_release(secret(payload()))
    git = application_of(release, ChartOrigin(repo_url="https://git.example.com/a.git", path="charts/web"), namespace="gitops")
    assert git["spec"] == {
        "source": {"repoURL": "https://git.example.com/a.git", "ref": {"branch": "main"}, "path": "charts/web"},
        "destination": {"namespace": "shop"},
        "render": {"helm": {"releaseName": "web", "values": release.values}},
        "sync": {"mode": "observe"},
    }
    chart = application_of(release, ChartOrigin(repository="https://charts.example.com"), namespace="gitops")
    assert chart["spec"]["source"]["chart"] == {
        "repository": "https://charts.example.com",
        "name": "podinfo",
        "version": "6.5.4",
    }
    assert sorted(sensitive(release.values)) == SECRET_KEYS


def test_the_chart_is_written_as_the_release_carries_it(tmp_path: Path) -> None:
    write_chart(read_release(secret(payload())), tmp_path / "chart")
    names = sorted(str(file.relative_to(tmp_path / "chart")) for file in (tmp_path / "chart").rglob("*") if file.is_file())
    assert names == ["Chart.yaml", "README.md", "templates/a.yaml", "values.schema.json", "values.yaml"]
