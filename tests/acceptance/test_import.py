"""Repositories of Flux and Argo CD are imported, observed and taken over.

What runs was applied as the other tool applies it, and none of its pods is restarted.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.importer.tables.all_tables import BY_KIND
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump_all, load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import SECONDS, InstalledAgent, apply
from tests.acceptance.objects import config_map, deployment, files, namespace, secret, service
from tests.acceptance.repository import Repository
from tests.corpus import clone
from tests.render.decryption.sops import Sops
from tests.sync.other_owners import definition
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.e2e, pytest.mark.timeout(600)]

HOME = "gitops-agent"
_MERGE = "application/merge-patch+json"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Migration:
    """A cluster that another tool runs, and a user who leaves it.

    Args:
        installed: the agent.
        folder: for files.
    """

    def __init__(self, installed: InstalledAgent, folder: Path) -> None:
        self.plane, self.folder = installed.plane, folder
        self.repository = Repository(folder / "git")
        self.result = folder / "result"

    def peers(self, *objs: Object, manager: str, marks: Callable[[Object], Object]) -> None:
        """Applies objects as the other tool does, with its marks."""
        for obj in objs:
            metadata = {"namespace": "shop", **obj["metadata"]}
            added = marks(obj)
            for name, values in added.items():
                metadata[name] = {**metadata.get(name, {}), **values}
            apply(self.plane, {**obj, "metadata": metadata}, manager=manager)

    def run(self, *words: str, code: int = 0) -> str:
        """The output of one of our commands."""
        environment = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig), "GITOPS_AGENT_NAMESPACE": HOME}
        argv = [sys.executable, "-m", "gitops_agent", *words]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def apply_result(self) -> list[Object]:
        """Applies what was written: Secrets first."""
        written = [
            obj
            for part in ("secrets", "resources")
            for file in sorted((self.result / part).glob("*.yaml"))
            for obj in load_all(file.read_bytes())
        ]
        for obj in written:
            apply(self.plane, obj, manager="kubectl")
        return written

    def take_over(self, name: str) -> None:
        """Runs the commands of the report for one object."""
        report = (self.result / "report.md").read_text()
        _, _, rest = report.partition(f"/{name}`\n\n```shell\n")
        commands = rest.partition("\n```")[0].splitlines()
        assert len(commands) >= 6, report
        for command in commands:
            self._shell(shlex.split(command, comments=True))

    def _shell(self, words: list[str]) -> None:
        """What kubectl does for the commands of a report."""
        if words[0] == "gitops-agent":
            self.run(*words[1:], code=0)
            return
        if words[0] == "test":
            words = shlex.split(words[2].removeprefix("$(").removesuffix(")"))
            assert self._field(words) in (None, "")
            return
        verb, (resource, name) = words[1], words[2:4]
        place = self._place(resource, name, words[words.index("-n") + 1])
        if verb == "patch":
            self.plane.request("PATCH", place, json.loads(words[words.index("-p") + 1]), content_type=_MERGE)
        elif verb == "delete":
            self.plane.request("DELETE", place)
        else:
            assert verb == "wait"
            assert self._field([*words, "-o", "jsonpath={.spec.suspend}"]) is True

    def _field(self, words: list[str]) -> Any:
        here: Any = self.plane.request("GET", self._place(words[2], words[3], words[words.index("-n") + 1]))
        for step in words[-1].removeprefix("jsonpath={.").removesuffix("}").split("."):
            here = here.get(step) if isinstance(here, dict) else None
        return here

    def _place(self, resource: str, name: str, at: str) -> str:
        plural, _, group = resource.partition(".")
        version = "v1alpha1" if group in ("gitops-agent.dev", "argoproj.io") else "v2" if plural == "helmreleases" else "v1"
        return f"/apis/{group}/{version}/namespaces/{at}/{plural}/{name}"

    def ready(self, name: str) -> bool:
        """Whether an Application is Ready."""
        application = self.plane.request("GET", f"/apis/gitops-agent.dev/v1alpha1/namespaces/{HOME}/applications/{name}")
        conditions = (application.get("status") or {}).get("conditions") or ()
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def pods(self, at: str = "shop") -> dict[str, str]:
        """The pods that run: UID by name."""
        pods = self.plane.request("GET", f"/api/v1/namespaces/{at}/pods")["items"]
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods if pod["status"].get("phase") == "Running"}

    def running(self, count: int, at: str = "shop") -> dict[str, str]:
        eventually(lambda: len(self.pods(at)) == count, seconds=SECONDS, what=f"{count} pods run")
        return self.pods(at)


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
"""


def test_a_repository_of_flux_is_taken_over_without_a_restart(migration: Migration) -> None:
    sops = Sops(folder=migration.folder)
    web = deployment("web", replicas=2)
    encrypted = sops.encrypt(
        "token.yaml", files(secret("token", password="s3cret"))["secret-token.yaml"], "--encrypted-regex", "^stringData$"
    )
    release = next(one for one in load_all(FLUX.encode()) if one["kind"] == "HelmRelease")
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
    for obj in load_all(FLUX.replace("URL", migration.repository.url).encode()):
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
    api = {**deployment("api"), "metadata": {"name": "api"}}
    migration.peers(
        api,
        manager="helm-controller",
        marks=lambda _: {
            "labels": {
                "app.kubernetes.io/managed-by": "Helm",
                "helm.toolkit.fluxcd.io/name": "api",
                "helm.toolkit.fluxcd.io/namespace": "flux-system",
            },
            "annotations": {"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"},
        },
    )
    before = migration.running(3)

    imported = ("import", "flux", "--to-namespace", HOME, "-o", str(migration.result))
    assert "every field has an equivalent" in migration.run(*imported, "--with-secrets")
    assert len(migration.apply_result()) == 5
    checked = migration.run(*imported, "--check")
    assert "2 of 2 plans are empty" in checked, checked
    migration.take_over("shop")
    migration.take_over("api")

    assert migration.ready("shop")
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


def test_repositories_of_argo_are_taken_over_without_a_restart(migration: Migration) -> None:
    hook = config_map("migrate", annotations={"argocd.argoproj.io/hook": "PreSync"})
    api, web = deployment("api", replicas=2), deployment("web")
    migration.repository.commit(
        {
            **CHART,
            "env/prod.yaml": "replicas: 2\n",
            "hooked/all.yaml": dump_all([web, service("web"), hook]),
        }
    )
    for obj in load_all(ARGO.replace("REPOSITORY", migration.repository.url).encode()):
        apply(migration.plane, obj, manager="kubectl")
    manager = "argocd-controller"
    in_store = {"namespace": "store"}
    for name, objs in (("api-store", [api]), ("hooked", [web, service("web")])):
        placed = [{**obj, "metadata": {**obj["metadata"], **in_store}} for obj in objs]
        migration.peers(*placed, manager=manager, marks=tracked(name))
    before = migration.running(3, "store")

    imported = ("import", "argo", "--to-namespace", HOME, "-o", str(migration.result))
    migration.run(*imported)
    written = {obj["metadata"]["name"]: obj["spec"] for obj in migration.apply_result()}
    assert set(written) == {"api-store", "hooked"}
    assert written["api-store"]["sync"]["windows"][0]["action"] == "allow"
    assert written["hooked"]["dependsOn"] == [{"name": "api-store"}]
    checked = migration.run(*imported, "--check", code=3)
    assert "1 of 2 plans are empty" in checked, checked
    assert f"{HOME}/hooked: different\n  > pre-sync ConfigMap:store/migrate would run\n" in checked

    for name in ("api-store", "hooked"):
        migration.take_over(name)

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

    output = migration.run("import", "flux", *read, "--to-namespace", HOME, "-o", str(migration.result), code=3)

    report = json.loads((migration.result / "report.json").read_text())
    kustomizations = {
        "apps": "apps/staging",
        "infra-controllers": "infrastructure/controllers",
        "infra-configs": "infrastructure/configs",
    }
    for name, directory in kustomizations.items():
        (obj,) = load_all((migration.result / "resources" / f"{HOME}.application.{name}.yaml").read_bytes())
        assert obj["spec"]["source"]["path"] == directory
    assert {field["meaning"] for one in report["objects"] for field in one["fields"]} <= {"same", "changed", "none"}
    assert all(field["note"] for one in report["objects"] for field in one["fields"] if field["meaning"] == "none")
    assert all(problem["field"] for one in report["objects"] for problem in one["problems"]), output
