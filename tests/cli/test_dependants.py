from __future__ import annotations

import pytest

from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import marked
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster


@pytest.fixture
def root(stage: ClusterEnv) -> ClusterEnv:
    """An application whose revision declares nothing any more."""
    url = stage.repository({"apps/shop/kustomization.yaml": "resources: []\n"})
    stage.application("root", source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/shop"})
    return stage


def child(name: str) -> Object:
    source = {"repoURL": "https://git.example.com/config.git", "ref": {"branch": "main"}}
    kind = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Application"}
    return {**kind, "metadata": {"name": name}, "spec": {"source": source}}


def test_an_application_deletes_all_its_dependants(root: ClusterEnv, run: Run) -> None:
    root.owned("root", child("outer"))
    root.owned("outer", child("inner"))
    for number in range(4):
        root.owned("inner", configmap(f"page-{number}"))

    result = run("diff", "root")

    deleted = result.lines.index(f"- gitops-agent.dev/Application:{root.namespace}/outer")
    assert result.lines[deleted + 1].startswith("    also deletes 5 objects not of this application: ")
    assert "6 objects would go, 5 of them along with others, more than the budget of 5" in result.stderr


def test_a_namespace_that_holds_what_others_declare_is_kept(root: ClusterEnv, run: Run) -> None:
    apply, manager = "application/apply-patch+yaml", "fieldManager=gitops-agent&force=true"
    name = f"{root.namespace}-shared"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    theirs = {**configmap("theirs"), "metadata": {"name": "theirs", "namespace": name}}
    for path, obj, owner in (
        (f"/api/v1/namespaces/{name}", namespace, "root"),
        (f"/api/v1/namespaces/{name}/configmaps/theirs", theirs, "neighbour"),
    ):
        body = marked(obj, application=AppKey(root.namespace, owner), digest="", revision="")
        root.plane.request("PATCH", f"{path}?{manager}", body, content_type=apply)

    result = run("diff", "root")

    root.plane.request("DELETE", f"/api/v1/namespaces/{name}")
    assert (result.code, result.stdout) == (0, "")
    assert f"warning: Namespace:{name}: it holds 1 objects of other applications" in result.stderr
