"""Argo CD's Applications, field by field and as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.argo_application import TABLE
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from tests.importer.peers import URL, argo, conversion, field, meaning, objects, put, spec_of, within

APPLICATION = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://git.example.com/config.git, targetRevision: main, path: apps/shop}
  destination: {server: https://kubernetes.default.svc, namespace: shop}
"""
CHART = {"repoURL": "https://charts.example.com", "chart": "podinfo", "targetRevision": "6.5.4"}
HELM, KUSTOMIZE = "spec.source.helm", "spec.source.kustomize"
OPTIONS = "spec.syncPolicy.syncOptions"


def application(name: str = "shop", **spec: Any) -> Object:
    (obj,) = objects(APPLICATION)
    obj["metadata"]["name"] = name
    obj["spec"] |= spec
    return obj


@dataclass(frozen=True)
class Case:
    """A field of Argo CD with a value, and what it becomes."""

    theirs: str
    value: Any
    ours: str
    expected: Any


PATCH = {"patch": "- op: remove\n  path: /spec/replicas\n", "target": {"kind": "Deployment", "name": "web"}}
CASES = (
    Case("spec.destination.namespace", "web", "destination.namespace", "web"),
    Case("spec.source.repoURL", "git@example.com:config.git", "source.repoURL", "git@example.com:config.git"),
    Case("spec.source.path", "./apps/web/", "source.path", "apps/web"),
    Case("spec.source.targetRevision", "v1.2.3", "source.ref", {"tag": "v1.2.3"}),
    Case("spec.source.targetRevision", "1.*", "source.ref", {"semver": "1.*"}),
    Case("spec.source.targetRevision", "a" * 40, "source.ref", {"commit": "a" * 40}),
    Case("spec.source.targetRevision", "refs/tags/v1", "source.ref", {"tag": "v1"}),
    Case(f"{HELM}.releaseName", "web", "render.helm.releaseName", "web"),
    Case(f"{HELM}.valueFiles", ["values.yaml", "../values.yaml"], "render.helm.valuesFiles", ["values.yaml", "../values.yaml"]),
    Case(f"{HELM}.valueFiles", ["/env/prod.yaml"], "render.helm.valuesFiles", ["../../env/prod.yaml"]),
    Case(f"{HELM}.values", "replicas: 3\n", "render.helm.values", {"replicas": 3}),
    Case(f"{HELM}.valuesObject", {"replicas": 3}, "render.helm.values", {"replicas": 3}),
    Case(f"{HELM}.parameters", [{"name": "image.tag", "value": "1"}], "render.helm.values", {"image": {"tag": 1}}),
    Case(
        f"{HELM}.parameters",
        [{"name": "image.tag", "value": "1", "forceString": True}],
        "render.helm.values",
        {"image": {"tag": "1"}},
    ),
    Case(f"{HELM}.ignoreMissingValueFiles", True, "render.helm.ignoreMissingValuesFiles", True),
    Case(f"{HELM}.skipCrds", True, "render.helm.skipCRDs", True),
    Case(f"{HELM}.skipSchemaValidation", True, "render.helm.skipSchemaValidation", True),
    Case(f"{HELM}.kubeVersion", "1.30", "render.helm.kubeVersion", "1.30"),
    Case(f"{HELM}.apiVersions", ["a/v1"], "render.helm.apiVersions", ["a/v1"]),
    Case(f"{HELM}.releaseName", "web", "render.helm.hooks", "every-sync"),
    Case(
        f"{KUSTOMIZE}.images",
        ["web=registry.example.com/web:2@sha256:ab"],
        "render.kustomize.images",
        [{"name": "web", "newName": "registry.example.com/web", "newTag": "2", "digest": "sha256:ab"}],
    ),
    Case(
        f"{KUSTOMIZE}.images",
        ["localhost:5000/web:2"],
        "render.kustomize.images",
        [{"name": "localhost:5000/web", "newTag": "2"}],
    ),
    Case(f"{KUSTOMIZE}.components", ["../tls"], "render.kustomize.components", ["../tls"]),
    Case(f"{KUSTOMIZE}.namePrefix", "dev-", "render.kustomize.namePrefix", "dev-"),
    Case(f"{KUSTOMIZE}.nameSuffix", "-dev", "render.kustomize.nameSuffix", "-dev"),
    Case(f"{KUSTOMIZE}.namespace", "dev", "render.kustomize.namespace", "dev"),
    Case(f"{KUSTOMIZE}.patches", [PATCH], "render.kustomize.patches", [PATCH]),
    Case("spec.syncPolicy.automated", {"prune": True, "selfHeal": True}, "sync.mode", "observe"),
    Case("spec.syncPolicy.automated.prune", True, "sync.prune", True),
    Case("spec.syncPolicy.automated.selfHeal", True, "sync.selfHeal", True),
    Case("spec.syncPolicy.automated.enabled", False, "sync.selfHeal", False),
    Case(OPTIONS, ["CreateNamespace=true"], "destination.createNamespace", True),
    Case("metadata.finalizers", ["resources-finalizer.argocd.argoproj.io"], "deletionPolicy", "prune"),
    Case("metadata.finalizers", ["resources-finalizer.argocd.argoproj.io/background"], "deletionPolicy", "prune"),
    Case("metadata.finalizers", [], "deletionPolicy", "orphan"),
    Case("metadata.labels", {"team": "shop"}, "sync.prune", False),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.theirs} to {case.ours}")
def test_a_field_becomes_ours(case: Case) -> None:
    result = argo([put(application(), case.theirs, case.value)])

    assert within(spec_of(result, "shop"), case.ours) == case.expected


TESTED_BELOW = {
    "spec.source.helm.fileParameters",
    "metadata.annotations[argocd.argoproj.io/sync-wave]",
    "metadata.annotations",
    "metadata.labels",
    "spec.project",
    "spec.source.chart",
    "spec.source.ref",
    "spec.source.name",
    f"{HELM}.namespace",
    f"{HELM}.passCredentials",
    f"{KUSTOMIZE}.replicas",
    f"{KUSTOMIZE}.commonLabels",
    f"{KUSTOMIZE}.commonAnnotations",
    "spec.sourceHydrator",
    *(f"spec.ignoreDifferences[].{name}" for name in ("group", "kind", "name", "namespace", "jsonPointers")),
    "spec.ignoreDifferences[].jqPathExpressions",
    "spec.ignoreDifferences[].managedFieldsManagers",
    f"{OPTIONS}[CreateNamespace]",
    f"{OPTIONS}[Prune]",
    f"{OPTIONS}[Delete]",
}


def test_every_row_with_an_equivalent_is_tried() -> None:
    rows = {row.theirs for row in TABLE.rows if row.ours}

    assert rows - TESTED_BELOW - {case.theirs for case in CASES} == set()


@pytest.mark.parametrize("row", [row for row in TABLE.rows if not row.ours], ids=lambda row: row.theirs)
def test_a_field_that_changes_nothing_is_reported(row: Any) -> None:
    theirs = row.theirs.replace("*", "on-sync") + ("]" if row.theirs.endswith("*") else "")
    _, _, option = theirs.partition(f"{OPTIONS}[")
    obj = application()
    if option:
        put(obj, OPTIONS, [f"{option.removesuffix(']')}=true"])
    elif theirs == OPTIONS:
        put(obj, OPTIONS, ["Unheard=true"])
    elif theirs == "spec.destination.name":
        obj["spec"]["destination"] = {"name": "in-cluster"}
    elif theirs != "spec.destination.server":
        put(obj, theirs, [{"options": {"x": True}}] if theirs.endswith("options") else "x")

    entries = argo([obj]).reports[-1].fields
    assert [entry.meaning for entry in entries if entry.theirs == theirs] == [row.meaning]


def test_a_field_without_a_row_is_reported_by_name() -> None:
    result = argo([put(application(), "spec.source.helm.brandNew", True)])

    assert meaning(result, "shop", "spec.source.helm.brandNew") is Meaning.UNKNOWN
    assert not result.complete


def test_what_is_imported_observes_and_says_which_mode_it_had() -> None:
    automatic, manual = application("a", syncPolicy={"automated": {}}), application("b")
    paused = application("c", syncPolicy={"automated": {"enabled": False}})

    result = argo([automatic, manual, paused])

    assert {report.mode for report in result.reports if report.source.name == "a"} == {"auto"}
    assert {report.mode for report in result.reports if report.source.name in "bc"} == {"manual"}
    assert {resource["spec"]["sync"]["mode"] for resource in result.resources} == {"observe"}
    assert {resource["metadata"]["namespace"] for resource in result.resources} == {"gitops-system"}


def test_labels_and_annotations_stay_but_those_of_argo() -> None:
    obj = application()
    obj["metadata"] |= {"labels": {"team": "shop"}, "annotations": {"example.com/a": "b", "argocd.argoproj.io/refresh": "hard"}}

    (resource,) = argo([obj]).resources

    assert resource["metadata"]["labels"] == {"team": "shop"}
    assert resource["metadata"]["annotations"] == {"example.com/a": "b"}


def test_an_application_of_another_cluster_is_not_imported() -> None:
    obj = application(destination={"server": "https://10.0.0.1", "namespace": "shop"})

    result = argo([obj])

    assert result.resources == ()
    assert "https://10.0.0.1" in field(result, "shop", "spec.destination.server").note
    assert len(argo([obj], cluster="https://10.0.0.1").resources) == 1


def test_sync_options_decide_about_pruning_and_deletion() -> None:
    obj = application(syncPolicy={"automated": {"prune": True}, "syncOptions": ["Prune=false", "Delete=false"]})
    obj["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]

    spec = spec_of(argo([obj]), "shop")

    assert spec["sync"]["prune"] is False
    assert spec["deletionPolicy"] == "orphan"


def test_ignored_differences_become_ignored_fields() -> None:
    differences = [
        {
            "group": "apps",
            "kind": "Deployment",
            "name": "web",
            "namespace": "shop",
            "jsonPointers": ["/spec/replicas"],
            "jqPathExpressions": ['.spec.template.spec.containers[] | select(.name == "web") | .image', ".a | length"],
            "managedFieldsManagers": ["vpa"],
        },
        {"group": "*", "kind": "*", "jsonPointers": ["/spec"]},
    ]

    result = argo([application(ignoreDifferences=differences)])

    paths = ["/spec/replicas", "/spec/template/spec/containers/[name=web]/image"]
    ignored = [{"kind": "apps/Deployment", "name": "web", "paths": paths, "managers": ["vpa"]}]
    assert spec_of(result, "shop")["sync"]["ignoreFields"] == ignored
    assert "`.a | length` computes" in field(result, "shop", "spec.ignoreDifferences[].jqPathExpressions").note
    assert meaning(result, "shop", "spec.ignoreDifferences[].kind") is Meaning.NONE


def test_kustomize_options_without_a_field_of_ours_become_patches() -> None:
    options = {
        "replicas": [{"name": "web", "count": "3"}],
        "commonLabels": {"team": "shop"},
        "commonAnnotations": {"owner": "ada"},
    }

    scaled, labelled = spec_of(argo([put(application(), KUSTOMIZE, options)]), "shop")["render"]["kustomize"]["patches"]

    assert scaled["target"]["name"] == "web"
    assert load_all(scaled["patch"].encode())[0] == [{"op": "add", "path": "/spec/replicas", "value": 3}]
    metadata = objects(labelled["patch"])[0]["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"team": "shop"}, {"owner": "ada"})


def test_a_chart_is_a_source_of_its_own() -> None:
    result = argo([application(source={**CHART, "helm": {"passCredentials": True, "namespace": "web"}})])

    chart = {"repository": "https://charts.example.com", "name": "podinfo", "version": "6.5.4"}
    assert spec_of(result, "shop")["source"] == {"chart": chart}
    assert meaning(result, "shop", f"{HELM}.passCredentials") is Meaning.CHANGED
    assert meaning(result, "shop", f"{HELM}.namespace") is Meaning.CHANGED


def test_a_chart_without_scheme_is_in_a_registry() -> None:
    source = {"repoURL": "registry.example.com/charts", "chart": "team/podinfo", "targetRevision": ""}

    chart = spec_of(argo([application(source=source)]), "shop")["source"]["chart"]

    assert chart == {"repository": "oci://registry.example.com/charts/team", "name": "podinfo", "version": "*"}


def several(*sources: Object) -> Object:
    obj = application(sources=list(sources))
    del obj["spec"]["source"]
    return obj


VALUES = {"repoURL": URL, "targetRevision": "main", "ref": "values"}


def test_a_chart_with_values_of_git_names_the_chart_beside_them() -> None:
    chart = {**CHART, "helm": {"valueFiles": ["$values/env/prod/podinfo.yaml", "$values/env/common.yaml"]}}

    spec = spec_of(argo([several(chart, VALUES)]), "shop")

    assert spec["source"] == {"repoURL": URL, "ref": {"branch": "main"}, "path": "env/prod"}
    assert spec["render"]["helm"]["chart"]["name"] == "podinfo"
    assert spec["render"]["helm"]["valuesFiles"] == ["podinfo.yaml", "../common.yaml"]


def test_values_of_the_own_repository_are_relative() -> None:
    own = {"repoURL": URL, "targetRevision": "main", "path": "charts/web", "helm": {"valueFiles": ["$values/env/prod.yaml"]}}

    spec = spec_of(argo([several(own, VALUES)]), "shop")

    assert spec["render"]["helm"]["valuesFiles"] == ["../../env/prod.yaml"]


def test_values_of_another_repository_are_read_from_there() -> None:
    own = {"repoURL": "https://git.example.com/charts.git", "path": "web", "helm": {"valueFiles": ["$values/prod.yaml"]}}

    spec = spec_of(argo([several(own, VALUES)]), "shop")

    assert spec["render"]["helm"]["valuesFrom"] == [
        {"kind": "Git", "repoURL": URL, "ref": {"branch": "main"}, "path": "prod.yaml"}
    ]


def from_git(path: str, url: str = URL, **more: object) -> Object:
    return {"kind": "Git", "repoURL": url, "ref": {"branch": "main"}, "path": path, **more}


SHARED = {"repoURL": "https://git.example.com/shared.git", "targetRevision": "main", "ref": "shared"}
SHARED_URL = "https://git.example.com/shared.git"


def test_a_chart_with_values_of_two_repositories_keeps_their_order() -> None:
    files = ["$values/base.yaml", "$shared/web.yaml", "$values/prod.yaml"]
    chart = {**CHART, "helm": {"valueFiles": files, "ignoreMissingValueFiles": True}}

    spec = spec_of(argo([several(chart, VALUES, SHARED)]), "shop")

    assert spec["source"] == {"repoURL": URL, "ref": {"branch": "main"}, "path": "."}
    assert spec["render"]["helm"]["valuesFiles"] == ["base.yaml"]
    shared = from_git("web.yaml", SHARED_URL, optional=True)
    assert spec["render"]["helm"]["valuesFrom"] == [shared, from_git("prod.yaml", optional=True)]


def test_values_of_the_own_repository_at_another_revision_are_followed_by_themselves() -> None:
    own = {"repoURL": URL, "targetRevision": "main", "path": "web", "helm": {"valueFiles": ["prod.yaml", "$values/env.yaml"]}}
    other = {**VALUES, "targetRevision": "stable"}

    helm = spec_of(argo([several(own, other)]), "shop")["render"]["helm"]

    assert (helm["valuesFiles"], helm["valuesFrom"]) == (["prod.yaml"], [{**from_git("env.yaml"), "ref": {"branch": "stable"}}])


def test_file_parameters_are_files_of_git() -> None:
    parameters = [{"name": "config.app\\.ini[0]", "path": "files/app.ini"}, {"name": "key", "path": "$shared/key.pem"}]
    own = {"repoURL": URL, "targetRevision": "main", "path": "web", "helm": {"fileParameters": parameters}}

    helm = spec_of(argo([several(own, SHARED)]), "shop")["render"]["helm"]

    assert helm["valuesFrom"] == [
        from_git("web/files/app.ini", targetPath="/config/app.ini/0"),
        from_git("key.pem", SHARED_URL, targetPath="/key"),
    ]


def test_a_file_parameter_of_a_packed_chart_has_no_equivalent() -> None:
    result = argo([application(source={**CHART, "helm": {"fileParameters": [{"name": "a", "path": "a.txt"}]}})])

    assert meaning(result, "shop", f"{HELM}.fileParameters") is Meaning.NONE


def test_several_sources_with_manifests_are_several_applications() -> None:
    first = {"repoURL": URL, "targetRevision": "main", "path": "web"}
    second = {"repoURL": URL, "targetRevision": "main", "path": "db", "name": "database"}

    result = argo([several(first, second)])

    assert [resource["metadata"]["name"] for resource in result.resources] == ["shop", "shop-database"]
    assert "several sources" in field(result, "shop", "spec.source.repoURL").note


def test_a_hydrated_source_follows_its_branch() -> None:
    dry, synced = {"repoURL": URL, "targetRevision": "main", "path": "dry"}, {"targetBranch": "env/prod", "path": "shop"}
    obj = application(sourceHydrator={"drySource": dry, "syncSource": synced})

    assert spec_of(argo([obj]), "shop")["source"] == {"repoURL": URL, "ref": {"branch": "env/prod"}, "path": "shop"}


PROJECT = """
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shops, namespace: argocd}
spec:
  sourceRepos: ['*']
  syncWindows:
  - {kind: deny, schedule: '0 22 * * *', duration: 8h, timeZone: Europe/Berlin, applications: ['sh*'], manualSync: true,
     description: at night}
  - {kind: allow, schedule: '0 8 * * *', duration: 1h, namespaces: [other]}
  - {kind: deny, schedule: '0 1 * * *', duration: 1h, namespaces: [shop], clusters: [elsewhere], andOperator: true}
  - {kind: deny, schedule: '0 2 * * *', duration: 1h, namespaces: [shop], clusters: [in-cluster], andOperator: true}
"""


def test_windows_of_the_project_are_those_of_its_applications() -> None:
    result = argo([*objects(PROJECT), application(project="shops")])

    night, nightly = spec_of(result, "shop")["sync"]["windows"]
    assert night == {
        "schedule": "0 22 * * *",
        "duration": "8h",
        "timezone": "Europe/Berlin",
        "action": "deny",
        "manualSync": True,
        "reason": "at night",
    }
    assert nightly["schedule"] == "0 2 * * *"
    assert meaning(result, "shops", "spec.sourceRepos") is Meaning.CHANGED


def test_a_project_that_was_not_read_is_named() -> None:
    assert "shops was not read" in field(argo([application(project="shops")]), "shop", "spec.project").note


def test_waves_of_applications_become_edges() -> None:
    waves = {"crds": "-1", "operator": "", "database": "2", "cache": "2", "web": "3"}
    peers = []
    for name, wave in waves.items():
        obj = application(name)
        obj["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": wave, "argocd.argoproj.io/tracking-id": "root:x:y"}
        peers.append(obj)

    result = argo(peers)

    edges = {name: [edge["name"] for edge in spec_of(result, name).get("dependsOn", ())] for name in waves}
    assert edges == {
        "crds": [],
        "operator": ["crds"],
        "database": ["operator"],
        "cache": ["operator"],
        "web": ["cache", "database"],
    }


def test_applications_of_two_namespaces_share_no_name() -> None:
    other = application()
    other["metadata"]["namespace"] = "team"
    third = copy(other)
    third["metadata"]["namespace"] = "argocd"

    keys = [(resource["metadata"]["namespace"], resource["metadata"]["name"]) for resource in argo([third, other]).resources]

    assert keys == [("gitops-system", "shop"), ("gitops-system", "team-shop")]


def test_what_this_version_refuses_waits() -> None:
    result = argo([application(source={"repoURL": "http://git.example.com/config.git", "targetRevision": "main", "path": "."})])

    assert result.resources == ()
    (waiting,) = result.waiting
    assert waiting["spec"]["suspend"]["reason"].startswith("waits for spec.source")
    assert conversion(result, "shop").resources[0]["spec"].get("suspend") is None
