from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.argo_application_set import TABLE
from gitops_agent.manifest.key import Object
from tests.importer.peers import URL, argo, field, meaning, objects, put, spec_of
from tests.importer.trees import tree

SET = """
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shops, namespace: argocd}
spec:
  generators:
  - list: {elements: [{name: a, env: dev}, {name: b, env: prod}]}
  template:
    metadata: {name: 'shop-{{name}}', labels: {env: '{{env}}'}}
    spec:
      source: {repoURL: 'https://git.example.com/config.git', targetRevision: main, path: 'apps/{{name}}'}
      destination: {server: 'https://kubernetes.default.svc', namespace: '{{name}}'}
"""


def application_set(**spec: Any) -> Object:
    (obj,) = objects(SET)
    obj["spec"] |= spec
    return obj


def test_a_set_becomes_the_applications_it_generates() -> None:
    result = argo([application_set()])

    assert [resource["metadata"]["name"] for resource in result.resources] == ["shop-a", "shop-b"]
    assert spec_of(result, "shop-b")["source"]["path"] == "apps/b"
    assert spec_of(result, "shop-b")["deletionPolicy"] == "prune"
    assert field(result, "shops", "spec.template").note == "expanded into 2: shop-a, shop-b"


def test_resources_are_kept_where_the_set_preserves_them() -> None:
    result = argo([application_set(syncPolicy={"preserveResourcesOnDeletion": True})])

    assert spec_of(result, "shop-a")["deletionPolicy"] == "orphan"


def test_directories_of_a_repository_are_expanded(tmp_path: Path) -> None:
    generator = {"git": {"repoURL": URL, "revision": "HEAD", "directories": [{"path": "apps/*"}]}}
    template = application_set()["spec"]["template"]
    template["metadata"] = {"name": "{{.path.basename}}"}
    template["spec"]["source"]["path"] = "{{.path.path}}"
    template["spec"]["destination"]["namespace"] = "{{.path.basename}}"
    peers = [application_set(generators=[generator], template=template, goTemplate=True)]

    result = argo(peers, {URL: tree(tmp_path, {"apps/web/a.yaml": "", "apps/db/a.yaml": ""})})

    assert {resource["metadata"]["name"]: resource["spec"]["source"]["path"] for resource in result.resources} == {
        "web": "apps/web",
        "db": "apps/db",
    }


def test_a_template_of_a_generator_and_a_patch_change_the_template() -> None:
    generator = {"list": {"elements": [{"name": "a", "env": "dev"}], "template": {"metadata": {"labels": {"own": "yes"}}}}}
    patch = 'spec: {syncPolicy: {automated: {prune: "{{name}}"}}}'

    result = argo([application_set(generators=[generator], templatePatch=patch)])

    (resource,) = result.resources
    assert resource["metadata"]["labels"] == {"env": "dev", "own": "yes"}
    assert [report.mode for report in result.reports if report.source.name == "shop-a"] == ["auto"]


def test_applications_that_are_live_are_imported_as_they_are() -> None:
    (live,) = objects(SET)
    live |= {"kind": "Application", "spec": live["spec"]["template"]["spec"]}
    live["spec"]["source"]["path"] = "apps/live"
    live["metadata"] |= {"name": "shop-z", "ownerReferences": [{"kind": "ApplicationSet", "name": "shops"}]}

    result = argo([application_set(generators=[{"clusters": {}}]), live])

    assert spec_of(result, "shop-z")["source"]["path"] == "apps/live"
    assert "live Applications are imported" in field(result, "shops", "spec.generators[].clusters").note


def test_steps_of_a_rolling_sync_become_edges() -> None:
    steps = [{"matchExpressions": [{"key": "env", "operator": "In", "values": [env]}]} for env in ("dev", "prod")]

    result = argo([application_set(strategy={"type": "RollingSync", "rollingSync": {"steps": steps}})])

    assert spec_of(result, "shop-b")["dependsOn"] == [{"name": "shop-a"}]
    assert "dependsOn" not in spec_of(result, "shop-a")


@pytest.mark.parametrize(
    "row", [row for row in TABLE.rows if not row.ours and row.theirs != "metadata"], ids=lambda row: row.theirs
)
def test_a_field_without_an_equivalent_is_reported(row: Any) -> None:
    theirs = row.theirs
    obj = application_set()
    if theirs.startswith("spec.generators[]"):
        put(obj["spec"], theirs.removeprefix("spec."), {"x": "y"} if theirs.count(".") == 2 else "x")
    else:
        put(obj, theirs, "x")

    assert meaning(argo([obj]), "shops", theirs) is Meaning.NONE


def test_a_template_that_is_not_read_is_named() -> None:
    template = application_set()["spec"]["template"]
    template["metadata"]["name"] = "{{ if .x }}a{{ end }}"

    result = argo([application_set(template=template, goTemplate=True)])

    assert result.resources == ()
    assert "is not expanded" in field(result, "shops", "spec.generators[].list").note
