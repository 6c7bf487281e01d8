"""Repositories of Flux and Argo CD are imported, observed and taken over.

What runs was applied as the other tool applies it, and none of its pods is restarted.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_agent.importer.tables.all_tables import BY_KIND
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump_all, load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import SECONDS, InstalledAgent, apply
from tests.acceptance.migration import HOME, Migration
from tests.acceptance.objects import config_map, deployment, files, namespace, secret, service
from tests.acceptance.packaged_chart import package
from tests.corpus import clone
from tests.render.decryption.sops import Sops
from tests.source.chart.server import ChartServer, serving
from tests.sync.other_owners import definition
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.e2e, pytest.mark.timeout(600)]

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledAgent]:
    """An agent on a control plane that serves the other tools' kinds."""
    folder = tmp_path_factory.mktemp("import")
    with (
        ControlPlane.start(folder / "plane", nodes=3, tied=True) as plane,
        InstalledAgent(plane, HOME, folder / "agent") as agent,
    ):
        for kind in BY_KIND:
            if kind.group:
                crd = definition(kind)
                version = {"argoproj.io": "v1alpha1", "helm.toolkit.fluxcd.io": "v2"}.get(kind.group, "v1")
                crd["spec"]["versions"][0]["name"] = version
                apply(plane, crd)
        names = [f"{_CRDS}/{kind.kind.lower()}s.{kind.group}" for kind in BY_KIND if kind.group]

        def served() -> bool:
            conditions = (plane.request("GET", name).get("status", {}).get("conditions", ()) for name in names)
            return all(any(c["type"] == "Established" and c["status"] == "True" for c in several) for several in conditions)

        eventually(served, seconds=SECONDS, what="the kinds of the other tools are served")
        for name in ("flux-system", "argocd", "shop", "store", "examples"):
            apply(plane, namespace(name))
        replica = agent.start(settings={"leader__enabled": "false"})
        yield agent
        assert not replica.unexpected()


@pytest.fixture
def charts() -> Iterator[ChartServer]:
    """A repository with a chart."""
    with serving() as server:
        server.publish("cache", "1.2.3", package("cache", "1.2.3", {"cache.yaml": CACHE}))
        yield server


@pytest.fixture
def migration(installed: InstalledAgent, tmp_path: Path) -> Migration:
    return Migration(installed, tmp_path)


CHART = {
    "charts/api/Chart.yaml": "apiVersion: v2\nname: api\nversion: 1.0.0\n",
    "charts/api/values.yaml": "replicas: 1\n",
    "charts/api/templates/api.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: main, image: "registry.example.com/pause:1"}]}
""",
}
CACHE = CHART["charts/api/templates/api.yaml"].replace("app: api", "app: cache")
FLUX = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: config, namespace: flux-system}
spec: {interval: 1m, url: URL, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system, finalizers: [finalizers.fluxcd.io]}
spec:
  interval: 10m
  path: ./apps/shop
  prune: true
  targetNamespace: shop
  sourceRef: {kind: GitRepository, name: config}
  decryption: {provider: sops, secretRef: {name: sops-age}}
  postBuild:
    substitute: {replicas: "2"}
    substituteFrom: [{kind: ConfigMap, name: cluster-vars}]
status:
  inventory: {entries: [{id: flux-system_api_helm.toolkit.fluxcd.io_HelmRelease, v: v2}]}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: api, namespace: flux-system, finalizers: [finalizers.fluxcd.io]}
spec:
  interval: 10m
  targetNamespace: shop
  releaseName: api
  chart: {spec: {chart: ./charts/api, sourceRef: {kind: GitRepository, name: config}}}
  dependsOn: []
  valuesFrom: [{kind: ConfigMap, name: api-values}]
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: flux-system}
spec: {interval: 1h, url: CHARTS}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cache, namespace: flux-system}
spec:
  interval: 10m
  targetNamespace: shop
  releaseName: cache
  chart: {spec: {chart: cache, version: ~1.2, sourceRef: {kind: HelmRepository, name: charts}}}
  driftDetection: {mode: enabled}
  dependsOn: [{name: api}]
  values: {replicas: 1}
"""


def released(obj: Object) -> Object:
    """The marks of Flux and Helm on an object of a release."""
    name, group = obj["metadata"]["name"], "helm.toolkit.fluxcd.io"
    labels = {"app.kubernetes.io/managed-by": "Helm", f"{group}/name": name, f"{group}/namespace": "flux-system"}
    return {"labels": labels, "annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "shop"}}


def test_a_repository_of_flux_is_taken_over_without_a_restart(migration: Migration, charts: ChartServer) -> None:
    sops = Sops(folder=migration.folder)
    web = deployment("web", replicas=2)
    encrypted = sops.encrypt(
        "token.yaml", files(secret("token", password="s3cret"))["secret-token.yaml"], "--encrypted-regex", "^stringData$"
    )
    release = next(manifest for manifest in load_all(FLUX.encode()) if manifest["kind"] == "HelmRelease")
    migration.repository.commit(
        {
            **CHART,
            "apps/shop/kustomization.yaml": "resources: [web.yaml, settings.yaml, token.yaml, release.yaml]\n",
            "apps/shop/web.yaml": files(web)["deployment-web.yaml"].replace("replicas: 2", "replicas: ${replicas}"),
            "apps/shop/settings.yaml": files(config_map("settings", env="${cluster_env}"))["configmap-settings.yaml"],
            "apps/shop/token.yaml": encrypted,
            "apps/shop/release.yaml": dump_all([release]),
        }
    )
    for obj in load_all(FLUX.replace("url: URL", f"url: {migration.repository.url}").replace("CHARTS", charts.url).encode()):
        apply(migration.plane, obj, manager="kustomize-controller")
    agekey = base64.b64encode(sops.agekey).decode()
    needed: tuple[Object, ...] = (
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sops-age"}, "data": {"identity.agekey": agekey}},
        config_map("cluster-vars", cluster_env="prod"),
        {**config_map("api-values"), "data": {"values.yaml": "replicas: 1\n"}},
    )
    for obj in needed:
        apply(migration.plane, {**obj, "metadata": {**obj["metadata"], "namespace": "flux-system"}})
    owner = "kustomize.toolkit.fluxcd.io"
    migration.peers(
        web,
        config_map("settings", env="prod"),
        {**secret("token"), "stringData": {}, "data": {"password": base64.b64encode(b"s3cret").decode()}},
        manager="kustomize-controller",
        marks=lambda _: {"labels": {f"{owner}/name": "shop", f"{owner}/namespace": "flux-system"}},
    )
    migration.peers(deployment("api"), deployment("cache"), manager="helm-controller", marks=released)
    before = migration.running(4)

    imported = ("import", "flux", "--to-namespace", HOME, "-o", str(migration.result))
    assert "every field has an equivalent" in migration.run(*imported, "--with-secrets")
    assert len(migration.apply_result()) == 6
    checked = migration.run(*imported, "--check")
    assert "3 of 3 plans are empty" in checked, checked
    migration.take_over("shop")
    migration.take_over("api")
    migration.take_over("cache")

    assert migration.ready("shop")
    assert migration.ready("cache")
    assert migration.ready("api")
    assert migration.pods() == before
    kustomizations = migration.plane.request("GET", f"/apis/{owner}/v1/namespaces/flux-system/kustomizations")["items"]
    assert kustomizations == []


ARGO = """
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shops, namespace: argocd}
spec:
  syncWindows: [{kind: allow, schedule: '* * * * *', duration: 1h, applications: ['*']}]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: api-store, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: shops
  sources:
  - {repoURL: REPOSITORY, targetRevision: HEAD, path: charts/api, helm: {releaseName: api, valueFiles: [$values/env/prod.yaml]}}
  - {repoURL: REPOSITORY, targetRevision: HEAD, ref: values}
  destination: {server: 'https://kubernetes.default.svc', namespace: store}
  syncPolicy: {automated: {prune: true}, syncOptions: [CreateNamespace=true]}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cache-store, namespace: argocd}
spec:
  project: default
  sources:
  - {repoURL: CHARTS, chart: cache, targetRevision: 1.x, helm: {releaseName: cache, valueFiles: [$values/env/prod.yaml]}}
  - {repoURL: REPOSITORY, targetRevision: main, ref: values}
  destination: {server: 'https://kubernetes.default.svc', namespace: store}
  syncPolicy: {automated: {selfHeal: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hooked, namespace: argocd, annotations: {argocd.argoproj.io/sync-wave: "1"}}
spec:
  project: default
  source: {repoURL: REPOSITORY, targetRevision: main, path: hooked}
  destination: {name: in-cluster, namespace: store}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
"""
EXAMPLES = """
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: examples, namespace: argocd}
spec:
  generators:
  - git: {repoURL: EXAMPLES, revision: HEAD, directories: [{path: '*guestbook'}]}
  template:
    metadata: {name: '{{path.basename}}'}
    spec:
      project: default
      source: {repoURL: EXAMPLES, targetRevision: HEAD, path: '{{path}}'}
      destination: {server: 'https://kubernetes.default.svc', namespace: examples}
      syncPolicy: {automated: {}}
"""


def tracked(application: str, at: str = "store") -> Callable[[Object], Object]:
    """The mark of Argo CD on what an Application manages."""

    def marks(obj: Object) -> Object:
        group = obj["apiVersion"].rpartition("/")[0]
        identity = f"{application}:{group}/{obj['kind']}:{at}/{obj['metadata']['name']}"
        return {"annotations": {"argocd.argoproj.io/tracking-id": identity}}

    return marks


def test_repositories_of_argo_are_taken_over_without_a_restart(migration: Migration, charts: ChartServer) -> None:
    hook = config_map("migrate", annotations={"argocd.argoproj.io/hook": "PreSync"})
    api, cache, web = deployment("api", replicas=2), deployment("cache", replicas=2), deployment("web")
    migration.repository.commit(
        {
            **CHART,
            "env/prod.yaml": "replicas: 2\n",
            "hooked/all.yaml": dump_all([web, service("web"), hook]),
        }
    )
    for obj in load_all(ARGO.replace("REPOSITORY", migration.repository.url).replace("CHARTS", charts.url).encode()):
        apply(migration.plane, obj, manager="kubectl")
    manager = "argocd-controller"
    in_store = {"namespace": "store"}
    for name, objs in (("api-store", [api]), ("cache-store", [cache]), ("hooked", [web, service("web")])):
        placed = [{**obj, "metadata": {**obj["metadata"], **in_store}} for obj in objs]
        migration.peers(*placed, manager=manager, marks=tracked(name))
    before = migration.running(5, "store")

    imported = ("import", "argo", "--to-namespace", HOME, "-o", str(migration.result))
    migration.run(*imported)
    written = {obj["metadata"]["name"]: obj["spec"] for obj in migration.apply_result()}
    assert set(written) == {"api-store", "cache-store", "hooked"}
    assert written["api-store"]["sync"]["windows"][0]["action"] == "allow"
    assert written["hooked"]["dependsOn"] == [{"name": "api-store"}, {"name": "cache-store"}]
    checked = migration.run(*imported, "--check", code=3)
    assert "2 of 3 plans are empty" in checked, checked
    assert f"{HOME}/hooked: different\n  > pre-sync ConfigMap:store/migrate would run\n" in checked

    for name in ("api-store", "cache-store"):
        migration.take_over(name)
    migration.take_over("hooked")

    assert migration.ready("api-store")
    assert migration.ready("hooked")
    assert migration.plane.request("GET", "/api/v1/namespaces/store/configmaps/migrate")["data"] == {"key": "value"}
    assert migration.pods("store") == before


def test_examples_of_argo_have_empty_plans(migration: Migration) -> None:
    examples = clone("argocd-example-apps", migration.folder / "examples")
    (generator,) = load_all(EXAMPLES.replace("EXAMPLES", f"file://{examples}").encode())
    declared = migration.folder / "set.yaml"
    declared.write_text(dump_all([generator]))
    for name in ("guestbook", "kustomize-guestbook", "helm-guestbook"):
        words = (str(examples / name), "--name", name, "-o", "json", "-n", "examples")
        rendered = json.loads(migration.run("render", *words))
        placed = [{**obj, "metadata": {**obj["metadata"], "namespace": "examples"}} for obj in rendered]
        migration.peers(*placed, manager="argocd-controller", marks=tracked(name, "examples"))

    checked = migration.run(
        "import", "argo", "-f", str(declared), "--to-namespace", HOME, "-o", str(migration.result), "--check"
    )

    assert "3 of 3 plans are empty" in checked, checked


CORPUS_SOURCE = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: URL, ref: {branch: main}}
"""


def test_the_example_of_flux_is_imported_with_every_difference_explained(migration: Migration) -> None:
    example = clone("flux2-kustomize-helm-example", migration.folder / "example")
    source = migration.folder / "source.yaml"
    source.write_text(CORPUS_SOURCE.replace("URL", f"file://{example}"))
    folders = [str(example / name) for name in ("clusters/staging", "apps/base", "infrastructure")]
    read = [word for name in (str(source), *folders) for word in ("-f", name)]

    migration.run("import", "flux", *read, "--to-namespace", HOME, "-o", str(migration.result))

    report = json.loads((migration.result / "report.json").read_text())
    kustomizations = {
        "apps": "apps/staging",
        "infra-controllers": "infrastructure/controllers",
        "infra-configs": "infrastructure/configs",
    }
    for name, directory in kustomizations.items():
        (obj,) = load_all((migration.result / "resources" / f"{HOME}.application.{name}.yaml").read_bytes())
        assert obj["spec"]["source"]["path"] == directory
    assert {field["meaning"] for entry in report["objects"] for field in entry["fields"]} <= {"same", "changed", "none"}
    assert all(field["note"] for entry in report["objects"] for field in entry["fields"] if field["meaning"] == "none")
    assert len(list((migration.result / "resources").iterdir())) == 6
    assert not (migration.result / "waiting").exists()
