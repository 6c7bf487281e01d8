from __future__ import annotations

import json

import pytest

from gitops_agent.manifest.yaml import dump_all
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster

OVERLAY = """\
resources: [../base]
patches:
- patch: |-
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings}
    data: {tone: warm}
- target: {kind: ConfigMap}
  path: loud.yaml
"""


@pytest.fixture
def shop(stage: ClusterEnv) -> ClusterEnv:
    """An application whose ConfigMap comes from a base and two patches."""
    base = configmap("settings", tone="cold", size="small", volume="low")
    hook = configmap("notice", tone="warm")
    hook["metadata"]["annotations"] = {"gitops-agent.dev/hook": "post-sync"}
    url = stage.repository(
        {
            "apps/hooks/notice.yaml": dump_all([hook]),
            "apps/base/kustomization.yaml": "resources: [settings.yaml]\n",
            "apps/base/settings.yaml": dump_all([base]),
            "apps/shop/kustomization.yaml": OVERLAY,
            "apps/shop/loud.yaml": "- {op: replace, path: /data/volume, value: loudest}\n",
        }
    )
    stage.owned("shop", configmap("settings", tone="warm", size="small", volume="loudest"))
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/shop"})
    return stage


def test_an_object_is_traced_to_the_file_and_the_commit_that_declared_it(shop: ClusterEnv, run: Run) -> None:
    result = run("why", "cm/settings", "-n", shop.namespace)

    assert result.code == 0, result.stderr
    assert result.lines[0] == f"Object:      ConfigMap:{shop.namespace}/settings"
    (declared,) = [line for line in result.lines if line.startswith("Declared in:")]
    assert declared.startswith("Declared in: apps/base/settings.yaml:")
    assert shop.git("rev-parse", "HEAD")[:12] in declared
    assert any(line.startswith("Written by:  gitops-agent (Apply) at 2") for line in result.lines)


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("data.volume", "loudest", "apps/shop/loud.yaml:1 (/0/value = loudest)"),
        ("data.size", "small", "apps/base/settings.yaml:"),
        ("data.tone", "warm", "apps/shop/kustomization.yaml:7 (/patches/0/patch = data: {tone: warm})"),
    ],
)
def test_a_field_is_traced_to_the_line_that_decides_it(shop: ClusterEnv, run: Run, field: str, value: str, place: str) -> None:
    result = run("why", "configmap", "settings", field, "-n", shop.namespace)

    assert f"Field:       {field} = {value}" in result.lines
    (decided,) = [line for line in result.lines if line.startswith("Decided by:")]
    assert decided.startswith(f"Decided by:  {place}")


def test_a_field_that_another_client_wrote_names_it_and_what_git_declares(shop: ClusterEnv, run: Run) -> None:
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps/settings?fieldManager=kubectl-edit"
    shop.plane.request("PATCH", path, {"data": {"size": "huge"}}, content_type="application/merge-patch+json")

    result = run("why", "cm/settings", "data.size", "-n", shop.namespace)

    assert "Field:       data.size = huge" in result.lines
    assert "In Git:      small" in result.lines
    assert any(line.startswith("Written by:  kubectl-edit (Update) at ") for line in result.lines)


def test_rules_that_shape_a_field_are_named(shop: ClusterEnv, run: Run) -> None:
    ignored = [{"kind": "ConfigMap", "paths": ["/data/size"]}]
    path = shop.path("applications", "shop")
    shop.plane.request(
        "PATCH", path, {"spec": {"sync": {"ignoreFields": ignored}}}, content_type="application/merge-patch+json"
    )

    with_rule, without = (run("why", "cm/settings", f, "-n", shop.namespace, "-o", "json") for f in ("data.size", "data.tone"))

    assert json.loads(with_rule.stdout)["rules"] == ["spec.sync.ignoreFields: /data/size is neither applied nor drift"]
    assert json.loads(without.stdout)["rules"] == []


def test_a_hook_is_declared_though_it_is_no_part_of_the_plan(shop: ClusterEnv, run: Run) -> None:
    url = shop.get("shop")["spec"]["source"]["repoURL"]
    shop.application("hooks", source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/hooks"})
    shop.owned("hooks", configmap("notice", tone="warm"))

    result = run("why", "cm/notice", "data.tone", "-n", shop.namespace)

    assert any(line.startswith("Declared in: apps/hooks/notice.yaml:") for line in result.lines)
    assert any(line.startswith("Rule:        it is a hook (post-sync): it runs once for each content") for line in result.lines)
    assert not any(line.startswith("In Git:") for line in result.lines)


def test_an_object_that_moves_says_to_where(shop: ClusterEnv, run: Run) -> None:
    message = "Application gitops-system/desk declares it now and has yet to take it over"
    shop.owned("shop", configmap("leaving"))
    problem = {"object": f"ConfigMap:{shop.namespace}/leaving", "reason": "HandedOver", "message": message}
    shop.status("shop", {"resources": {"problems": [problem]}})

    result = run("why", "cm/leaving", "-n", shop.namespace)

    assert result.code == 0, result.stderr
    assert f"Problem:     HandedOver: {message}" in result.lines


def test_a_misspelt_field_is_answered_with_those_that_are_there(shop: ClusterEnv, run: Run) -> None:
    result = run("why", "cm/settings", "data.sizes", "-n", shop.namespace)

    assert result.code == 2
    assert "the live object has no sizes there; did you mean size?" in result.stderr


def test_what_no_application_owns_is_said_with_its_exit_code(shop: ClusterEnv, run: Run) -> None:
    shop.plane.request("POST", f"/api/v1/namespaces/{shop.namespace}/configmaps", configmap("stray"))

    result = run("why", "cm/stray", "-n", shop.namespace)

    assert result.code == 3
    assert f"no Application owns ConfigMap:{shop.namespace}/stray" in result.stderr
