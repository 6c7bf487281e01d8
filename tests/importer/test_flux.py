"""Flux's Kustomizations, HelmReleases and Alerts, field by field and as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.importer.field_table import FieldTable, Meaning
from gitops_agent.importer.tables import flux_helm_release, flux_kustomization
from gitops_agent.importer.tables.flux_sources import GIT
from gitops_agent.manifest.key import Object
from tests.importer.peers import URL, field, flux, meaning, objects, put, spec_of, within
from tests.importer.trees import tree

GIT_SOURCE = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: config, namespace: flux-system}
spec:
  interval: 1m
  url: https://git.example.com/config.git
  ref: {branch: main}
"""
KUSTOMIZATION = """
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  interval: 10m
  path: ./apps/shop
  prune: true
  sourceRef: {kind: GitRepository, name: config}
"""
RELEASE = """
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: podinfo, namespace: shop}
spec:
  interval: 10m
  chart:
    spec:
      chart: podinfo
      version: 6.x
      sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}
"""
REPOSITORY = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: flux-system}
spec: {url: 'https://charts.example.com', interval: 1h, secretRef: {name: charts}}
"""


@dataclass(frozen=True)
class Case:
    """A field of Flux with a value, and what it becomes."""

    theirs: str
    value: Any
    ours: str
    expected: Any


PATCH = {"patch": "- op: remove\n  path: /spec/replicas\n", "target": {"kind": "Deployment", "name": "web"}}
IMAGE = {"name": "web", "newName": "registry.example.com/web", "newTag": "2"}
IGNORE = {"paths": ["/spec/replicas"], "target": {"group": "apps", "kind": "Deployment", "name": "web"}}
IGNORED = [{"kind": "apps/Deployment", "name": "web", "paths": ["/spec/replicas"]}]
SECRET = {"name": "keys"}
KUSTOMIZATIONS = (
    Case("spec.path", "./apps/web", "source.path", "apps/web"),
    Case("spec.interval", "5m", "sync.interval", "1m"),
    Case("spec.prune", False, "sync.prune", False),
    Case("spec.suspend", True, "suspend.reason", "it was suspended in Flux when it was imported"),
    Case("spec.timeout", "2m", "sync.timeout", "2m"),
    Case("spec.serviceAccountName", "deployer", "serviceAccountName", "deployer"),
    Case("spec.targetNamespace", "web", "destination.namespace", "web"),
    Case("spec.deletionPolicy", "Orphan", "deletionPolicy", "orphan"),
    Case("spec.deletionPolicy", "WaitForTermination", "deletionPolicy", None),
    Case("spec.prune", False, "deletionPolicy", "orphan"),
    Case("spec.images", [IMAGE], "render.kustomize.images", [IMAGE]),
    Case("spec.namePrefix", "dev-", "render.kustomize.namePrefix", "dev-"),
    Case("spec.nameSuffix", "-dev", "render.kustomize.nameSuffix", "-dev"),
    Case("spec.patches", [PATCH], "render.kustomize.patches", [PATCH]),
    Case("spec.components", ["../tls"], "render.kustomize.components", ["../tls"]),
    Case(
        "spec.decryption",
        {"provider": "sops", "secretRef": SECRET},
        "render.decryption",
        {"provider": "sops", "secretRef": SECRET},
    ),
    Case(
        "spec.postBuild.substitute",
        {"env": "prod"},
        "render.variables",
        {"values": {"env": "prod"}, "compatibility": "flux"},
    ),
    Case(
        "spec.postBuild.substituteFrom",
        [{"kind": "ConfigMap", "name": "vars", "optional": True}],
        "render.variables.from",
        [{"kind": "ConfigMap", "name": "vars", "optional": True}],
    ),
    Case("spec.postBuild.substituteStrategy", "Always", "render.variables", {"compatibility": "flux"}),
    Case("spec.ignore", [IGNORE], "sync.ignoreFields", IGNORED),
)
SOURCES = (
    Case("spec.url", "ssh://git@example.com/config.git", "source.repoURL", "ssh://git@example.com/config.git"),
    Case("spec.secretRef", {"name": "git"}, "source.secretRef", {"name": "git"}),
    Case("spec.interval", "5m", "sync.interval", "5m"),
    Case("spec.ref", {"branch": "dev"}, "source.ref", {"branch": "dev"}),
    Case("spec.ref", {"branch": "dev", "tag": "v1"}, "source.ref", {"tag": "v1"}),
    Case("spec.ref", {"tag": "v1", "semver": "1.x"}, "source.ref", {"semver": "1.x"}),
    Case("spec.ref", {"branch": "dev", "commit": "a" * 40}, "source.ref", {"commit": "a" * 40}),
    Case("spec.ref", {"name": "refs/heads/dev", "semver": "1.x"}, "source.ref", {"branch": "dev"}),
    Case("spec.ref", None, "source.ref", {"branch": "master"}),
    Case("spec.verify", {"mode": "HEAD", "secretRef": SECRET}, "source.verify", {"mode": "head", "secretRef": SECRET}),
    Case("spec.suspend", True, "suspend.reason", "its source was suspended in Flux when it was imported"),
)
PATCH = {"patch": "[]", "target": {"kind": "Deployment", "labelSelector": "app=web"}}
FLOW = {"issuer": r"^https://issuer\.example\.com$", "subject": r"^https://github\.com/acme/app.*$"}
RELEASES = (
    Case(
        "spec.postRenderers",
        [{"kustomize": {"patches": [PATCH]}}, {"kustomize": {"images": [{"name": "web", "newTag": "2"}]}}],
        "render.helm.postRender",
        {"kustomize": {"images": [{"name": "web", "newTag": "2"}], "patches": [PATCH]}},
    ),
    Case("spec.postRenderers", [], "render.helm.postRender", None),
    Case("spec.chart.spec.chart", "web", "source.chart.name", "web"),
    Case("spec.chart.spec.version", "7.x", "source.chart.version", "7.x"),
    Case("spec.chart.spec.interval", "2m", "source.chart.interval", "2m"),
    Case("spec.chart.spec.valuesFiles", ["values.yaml"], "render.helm.valuesFiles", ["values.yaml"]),
    Case("spec.chart.spec.ignoreMissingValuesFiles", True, "render.helm.ignoreMissingValuesFiles", True),
    Case(
        "spec.chart.spec.verify",
        {"provider": "cosign", "secretRef": SECRET},
        "source.chart.verify",
        {"cosign": {"keys": {"secretRef": SECRET}}},
    ),
    Case(
        "spec.chart.spec.verify",
        {"provider": "cosign", "matchOIDCIdentity": [FLOW], "trustedRootSecretRef": {"name": "root"}},
        "source.chart.verify",
        {
            "cosign": {
                "identities": [{"issuer": "https://issuer.example.com", "subjectPattern": "https://github.com/acme/app**"}],
                "trustedRoot": {"secretRef": {"name": "root"}},
            }
        },
    ),
    Case("spec.chart.spec.verify", {"provider": "notation", "secretRef": SECRET}, "source.chart.verify", None),
    Case("spec.interval", "2m", "source.chart.interval", "1h"),
    Case("spec.releaseName", "web", "render.helm.releaseName", "web"),
    Case("spec.targetNamespace", "web", "destination.namespace", "web"),
    Case("spec.targetNamespace", "web", "render.helm.releaseName", "web-podinfo"),
    Case("spec.values", {"replicas": 3}, "render.helm.values", {"replicas": 3}),
    Case(
        "spec.valuesFrom",
        [
            {"kind": "Secret", "name": "db", "targetPath": "db.pass\\.word", "valuesKey": "p"},
            {"kind": "ConfigMap", "name": "c", "optional": True},
        ],
        "render.helm.valuesFrom",
        [
            {"kind": "Secret", "name": "shop-db", "key": "p", "targetPath": "/db/pass.word"},
            {"kind": "ConfigMap", "name": "shop-c", "key": "values.yaml", "optional": True},
        ],
    ),
    Case("spec.timeout", "2m", "sync.timeout", "2m"),
    Case("spec.suspend", True, "suspend.reason", "it was suspended in Flux when it was imported"),
    Case("spec.serviceAccountName", "deployer", "serviceAccountName", "shop-deployer"),
    Case("spec.driftDetection.mode", "enabled", "sync.selfHeal", True),
    Case("spec.driftDetection.mode", "warn", "sync.selfHeal", False),
    Case("spec.driftDetection.ignore", [IGNORE], "sync.ignoreFields", IGNORED),
    Case("spec.install.createNamespace", True, "destination.createNamespace", True),
    Case("spec.install.crds", "Skip", "render.helm.crds", "skip"),
    Case("spec.install.skipCRDs", True, "render.helm.crds", "skip"),
    Case("spec.upgrade.crds", "CreateReplace", "render.helm.crds", "apply"),
    Case("spec.upgrade.crds", "Skip", "render.helm.crds", "create-only"),
    Case("spec.install.disableHooks", True, "render.helm.hooks", None),
    Case("spec.upgrade.disableHooks", True, "render.helm.hooks", None),
    Case("spec.install.disableSchemaValidation", True, "render.helm.skipSchemaValidation", True),
    Case("spec.upgrade.disableSchemaValidation", True, "render.helm.skipSchemaValidation", True),
    Case("spec.test", {"enable": True}, "render.helm.tests", "after-sync"),
    Case("spec.test", {"enable": False}, "render.helm.tests", None),
    Case("spec.upgrade.remediation", {"retries": 3}, "sync.rollback.onDegraded", True),
)


def kustomizations(**changes: Any) -> list[Object]:
    (obj,) = objects(KUSTOMIZATION)
    for path, value in changes.items():
        put(obj, path, value)
    return [*objects(GIT_SOURCE), obj]


@pytest.mark.parametrize("case", KUSTOMIZATIONS, ids=lambda case: f"{case.theirs} to {case.ours}")
def test_a_field_of_a_kustomization_becomes_ours(case: Case) -> None:
    result = flux(kustomizations(**{case.theirs: case.value}))

    assert within(spec_of(result, "shop"), case.ours) == case.expected
    assert spec_of(result, "shop")["sync"]["mode"] == "observe"


@pytest.mark.parametrize("case", SOURCES, ids=lambda case: f"{case.theirs} {case.value} to {case.ours}")
def test_a_field_of_a_source_becomes_ours(case: Case) -> None:
    (source,) = objects(GIT_SOURCE)

    result = flux([put(source, case.theirs, case.value), *objects(KUSTOMIZATION)])

    assert within(spec_of(result, "shop"), case.ours) == case.expected


@pytest.mark.parametrize("case", RELEASES, ids=lambda case: f"{case.theirs} {case.value} to {case.ours}")
def test_a_field_of_a_release_becomes_ours(case: Case) -> None:
    (release,) = objects(RELEASE)

    result = flux([put(release, case.theirs, case.value), *objects(REPOSITORY)])

    assert within(spec_of(result, "podinfo"), case.ours) == case.expected


TESTED_BELOW = {
    "metadata.labels",
    "metadata.annotations",
    "spec.sourceRef",
    "spec.dependsOn",
    "spec.commonMetadata",
    "spec.chart.spec.sourceRef",
    "spec.chartRef",
    "spec.provider",
}


@pytest.mark.parametrize(
    ("table", "cases"),
    [(flux_kustomization.TABLE, KUSTOMIZATIONS), (flux_helm_release.TABLE, RELEASES), (GIT, SOURCES)],
    ids=["Kustomization", "HelmRelease", "GitRepository"],
)
def test_every_row_with_an_equivalent_is_tried(table: FieldTable, cases: tuple[Case, ...]) -> None:
    tried = {case.theirs for case in cases}
    rows = {row.theirs for row in table.rows if row.ours} - TESTED_BELOW

    assert {row for row in rows if not any(row.startswith(field) for field in tried)} == set()


@pytest.mark.parametrize("row", [row for row in flux_kustomization.TABLE.rows if not row.ours], ids=lambda row: row.theirs)
def test_a_field_of_a_kustomization_that_changes_nothing_is_reported(row: Any) -> None:
    value: Any = [{"name": "x", "readyExpr": "true"}] if row.theirs == "spec.dependsOn[].readyExpr" else "x"
    if row.theirs == "spec.ignore[].target":
        value = {"namespace": "x", "kind": "Deployment"}
    path = row.theirs.removesuffix("[].readyExpr")

    result = flux(kustomizations(**{path: value}))

    assert meaning(result, "shop", row.theirs) is row.meaning


@pytest.mark.parametrize("row", [row for row in flux_helm_release.TABLE.rows if not row.ours], ids=lambda row: row.theirs)
def test_a_field_of_a_release_that_changes_nothing_is_reported(row: Any) -> None:
    (release,) = objects(RELEASE)
    if row.theirs.endswith(".target"):
        put(release, row.theirs, {"namespace": "x", "kind": "Deployment"})
    elif row.theirs.endswith("readyExpr"):
        put(release, "spec.dependsOn", [{"name": "x", "readyExpr": "true"}])
    else:
        put(release, row.theirs, "x")

    assert meaning(flux([release, *objects(REPOSITORY)]), "podinfo", row.theirs) is row.meaning


def test_labels_stay_but_those_of_flux() -> None:
    peers = kustomizations(**{"metadata.labels": {"team": "shop", "kustomize.toolkit.fluxcd.io/name": "flux-system"}})

    assert flux(peers).resources[0]["metadata"]["labels"] == {"team": "shop"}


def test_common_metadata_becomes_a_patch_of_every_object() -> None:
    spec = spec_of(flux(kustomizations(**{"spec.commonMetadata": {"labels": {"team": "shop"}}})), "shop")

    (patch,) = spec["render"]["kustomize"]["patches"]
    assert objects(patch["patch"])[0]["metadata"]["labels"] == {"team": "shop"}


def test_a_source_that_was_not_read_is_named() -> None:
    result = flux(objects(KUSTOMIZATION))

    assert result.resources == ()
    assert [left_out.source.name for left_out in result.left] == ["shop"]
    assert field(result, "shop", "spec.sourceRef").note == "GitRepository flux-system/config: it was not read"


def test_a_default_that_the_server_writes_out_loses_nothing() -> None:
    idle, set_to = (
        flux([*objects(GIT_SOURCE.replace("url:", f"timeout: {text}\n  url:")), *kustomizations(**{"spec.force": force})[1:]])
        for text, force in (("60s", False), ("5m", True))
    )

    for theirs, name in (("spec.timeout", "config"), ("spec.force", "shop")):
        assert meaning(idle, name, theirs) is Meaning.SAME
        assert meaning(set_to, name, theirs) is Meaning.NONE


def test_metadata_of_all_objects_of_a_release_is_a_patch_of_what_it_renders() -> None:
    (release,) = objects(RELEASE)
    release["spec"]["commonMetadata"] = {"labels": {"team": "shop"}}

    (patch,) = spec_of(flux([release, *objects(REPOSITORY)]), "podinfo")["render"]["helm"]["postRender"]["kustomize"]["patches"]

    assert objects(patch["patch"])[0]["metadata"]["labels"] == {"team": "shop"}


def test_objects_of_flux_in_a_directory_are_left_out() -> None:
    peers = kustomizations(
        status={"inventory": {"entries": [{"id": "shop_podinfo_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]}}
    )

    (patch,) = spec_of(flux(peers), "shop")["render"]["kustomize"]["patches"]

    assert patch["target"] == {"group": "helm.toolkit.fluxcd.io"}
    assert objects(patch["patch"])[0]["$patch"] == "delete"


GENERATOR = """
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata: {name: parts, namespace: flux-system}
spec:
  sources: [{alias: repo, kind: GitRepository, name: config}]
  artifacts:
  - name: apps
    copy:
    - {from: '@repo/apps/base/**', to: '@artifact/base/'}
    - {from: '@repo/apps/staging/**', to: '@artifact/staging/'}
  - name: all
    copy: [{from: '@repo/infrastructure/**', to: '@artifact/'}]
"""


@pytest.mark.parametrize(
    ("name", "path", "origin"),
    [
        ("apps", "./staging/web", "apps/staging/web"),
        ("apps", "base", "apps/base"),
        ("all", "./controllers", "infrastructure/controllers"),
    ],
)
def test_a_path_of_an_artifact_is_one_of_the_repository(name: str, path: str, origin: str) -> None:
    peers = kustomizations(**{"spec.sourceRef": {"kind": "ExternalArtifact", "name": name}, "spec.path": path})

    assert spec_of(flux([*peers, *objects(GENERATOR)]), "shop")["source"]["path"] == origin


@pytest.mark.parametrize(("file", "namespace"), [("kustomization.yaml", "web"), ("all.yaml", None)])
def test_the_target_namespace_is_that_of_every_object_of_a_kustomization(
    file: str, namespace: str | None, tmp_path: Path
) -> None:
    peers = kustomizations(**{"spec.targetNamespace": "web", "spec.namePrefix": "dev-"})

    result = flux(peers, {URL: tree(tmp_path, {f"apps/shop/{file}": ""})})

    spec = spec_of(result, "shop")
    assert (spec["destination"]["namespace"], spec["render"]["kustomize"].get("namespace")) == ("web", namespace)
    assert ("has no kustomization.yaml" in field(result, "shop", "spec.path").note) is (namespace is None)


def test_a_chart_of_a_git_repository_is_a_directory() -> None:
    (release,) = objects(RELEASE)
    chart = {"chart": "./charts/web", "valuesFiles": ["charts/web/values.yaml", "env/prod.yaml"]}
    release["spec"]["chart"]["spec"] = {
        **chart,
        "sourceRef": {"kind": "GitRepository", "name": "config", "namespace": "flux-system"},
    }

    spec = spec_of(flux([*objects(GIT_SOURCE), release]), "podinfo")

    assert spec["source"]["path"] == "charts/web"
    assert spec["render"]["helm"]["valuesFiles"] == ["values.yaml", "../../env/prod.yaml"]
    assert spec["sync"]["interval"] == "1m"


def test_a_chart_of_a_registry_is_named_by_its_address() -> None:
    (release,) = objects(RELEASE)
    del release["spec"]["chart"]
    release["spec"]["chartRef"] = {"kind": "OCIRepository", "name": "podinfo"}
    registry = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: podinfo, namespace: shop}
spec: {url: 'oci://ghcr.io/stefanprodan/charts/podinfo', interval: 5m, ref: {semver: 6.x}}
"""

    source = spec_of(flux([release, *objects(registry)]), "podinfo")["source"]

    chart = {"repository": "oci://ghcr.io/stefanprodan/charts", "name": "podinfo", "version": "6.x", "interval": "5m"}
    assert source == {"chart": chart}


def test_hooks_of_a_release_are_off_where_both_stages_disable_them() -> None:
    (release,) = objects(RELEASE)
    release["spec"] |= {"install": {"disableHooks": True}, "upgrade": {"disableHooks": True}}

    assert spec_of(flux([release, *objects(REPOSITORY)]), "podinfo")["render"]["helm"]["hooks"] == "none"


def test_a_release_that_flux_uninstalls_is_not_rolled_back() -> None:
    (release,) = objects(RELEASE)
    release["spec"]["upgrade"] = {"remediation": {"strategy": "uninstall", "retries": 1}}

    result = flux([release, *objects(REPOSITORY)])

    assert "rollback" not in spec_of(result, "podinfo")["sync"]
    assert meaning(result, "podinfo", "spec.upgrade.remediation") is Meaning.NONE


def test_health_expressions_are_a_setting_of_the_agent() -> None:
    rule = {"apiVersion": "example.com/v1", "kind": "Database", "current": "status.ready"}
    (release,) = objects(RELEASE)
    release["spec"]["healthCheckExprs"] = [rule]

    result = flux([*kustomizations(**{"spec.healthCheckExprs": [rule]}), release, *objects(REPOSITORY)])

    assert result.settings == {"health": {"expressions": [rule]}}
