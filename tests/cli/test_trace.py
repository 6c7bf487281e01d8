from __future__ import annotations

import json

import pytest

from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import marked
from tests.cli.cluster_env import COMMIT, ClusterEnv, configmap, healthy
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(stage: ClusterEnv) -> ClusterEnv:
    """An Application that another one declares, with a ConfigMap that owns another."""
    stage.application("root", healthy())
    live = stage.application("shop", healthy())
    mark = marked(live, application=AppKey(stage.namespace, "root"), digest="", revision="")["metadata"]
    patch: Object = {"metadata": {"labels": mark["labels"], "annotations": mark["annotations"]}}
    merge = "application/merge-patch+json"
    stage.plane.request("PATCH", stage.path("applications", "shop"), patch, content_type=merge)
    web = stage.owned("shop", configmap("web"))
    revision = {"metadata": {"annotations": {"gitops-agent.dev/revision": COMMIT}}}
    path = f"/api/v1/namespaces/{stage.namespace}/configmaps"
    stage.plane.request("PATCH", f"{path}/web", revision, content_type=merge)
    child = configmap("child")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "web", "uid": web["metadata"]["uid"], "controller": True}
    child["metadata"]["ownerReferences"] = [reference]
    stage.plane.request("POST", path, child)
    return stage


@pytest.mark.parametrize("words", [("cm", "child"), ("configmap/child",), ("ConfigMap", "child")])
def test_an_object_leads_over_its_owners_to_the_application(shop: ClusterEnv, run: Run, words: tuple[str, ...]) -> None:
    result = run("trace", *words, "-n", shop.namespace)

    source = "https://git.example.com/config.git, branch main, path apps/shop"
    assert result.code == 0
    assert result.lines == [
        f"Object:      ConfigMap:{shop.namespace}/child",
        f"Owner:       ConfigMap:{shop.namespace}/web",
        f"Application: {shop.namespace}/shop",
        f"Source:      {source}",
        f"Revision:    {COMMIT[:12]}",
        f"Status:      Synced, Healthy: {COMMIT[:12]} is applied: 3 objects",
        f"Declared by: Application {shop.namespace}/root",
        f"Source:      {source}",
        f"Status:      Synced, Healthy: {COMMIT[:12]} is applied: 3 objects",
    ]


def test_scripts_get_names_and_a_document(shop: ClusterEnv, run: Run) -> None:
    words = ("trace", "cm/child", "-n", shop.namespace, "-o")

    assert run(*words, "name").lines == [f"{shop.namespace}/shop", f"{shop.namespace}/root"]
    assert json.loads(run(*words, "json").stdout) == {
        "object": f"ConfigMap:{shop.namespace}/child",
        "owners": [f"ConfigMap:{shop.namespace}/web"],
        "application": f"{shop.namespace}/shop",
        "declaredBy": [f"{shop.namespace}/root"],
        "revision": COMMIT,
    }


def test_an_object_of_no_application_is_exit_code_three(stage: ClusterEnv, run: Run) -> None:
    stage.plane.request("POST", f"/api/v1/namespaces/{stage.namespace}/configmaps", configmap("free"))

    result = run("trace", "cm/free", "-n", stage.namespace)

    assert (result.code, result.stdout) == (3, f"Object:      ConfigMap:{stage.namespace}/free\n")
    assert result.stderr == "no Application owns it\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [(("cm/none",), "there is no ConfigMap none in namespace"), (("cm",), "say which object"), (("cmx", "a"), "knows no kind")],
)
def test_what_is_not_there_is_said(stage: ClusterEnv, run: Run, words: tuple[str, ...], text: str) -> None:
    result = run("trace", *words, "-n", stage.namespace)

    assert result.code in (1, 2)
    assert text in result.stderr
