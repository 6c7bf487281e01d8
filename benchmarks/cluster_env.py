"""The environment of measurements: control plane, repository, agent and figures."""

from __future__ import annotations

import contextlib
import os
import re
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.ready_watch import ReadyWatch
from gitops_agent.cluster.transport import Transport
from gitops_agent.install import bundle
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.process import run
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.agent import AgentProcess
from gitops_agent.sandbox.demo.cluster import Spectator, settled
from gitops_agent.sandbox.demo.repository import DemoRepository
from gitops_agent.toolchain.progress import to_stderr

NAMESPACE = bundle.NAMESPACE
_SAMPLE = re.compile(r"^gitops_agent_(\w+?)(?:_total)?(?:\{(.*)\})? ([0-9.e+]+)$")


_OBJECTS = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: web, image: "registry.example.com/web:1"}]}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, with its unit and how it was obtained."""

    name: str
    value: float
    unit: str
    note: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class ClusterEnv:
    """A control plane, `count` applications in one repository, and an agent.

    Each application has five objects; the agent may be started.
    """

    def __init__(self, directory: Path, count: int) -> None:
        self.directory, self.count = directory, count
        self._stack = contextlib.ExitStack()
        self._agents = 0
        self.running: AgentProcess | None = None

    def __enter__(self) -> Self:
        self.plane = self._stack.enter_context(
            ControlPlane.start(self.directory / "plane", nodes=5, tied=True, progress=to_stderr())
        )
        self.spectator = Spectator(Transport.from_kubeconfig(self.plane.kubeconfig))
        wanted = [o for o in bundle.manifests(bundle.Flavour.FULL) if o["kind"] not in ("Deployment", "PodDisruptionBudget")]
        bundle.install(self.spectator.objects, wanted, lambda _key, _changed: None)
        self.spectator.until("the CRDs are served", lambda: self._served("Application"))
        example = self.directory / "example"
        for number in range(self.count):
            write_application(example / "apps" / name(number), number)
        self.repository = DemoRepository(self.directory, example)
        self.kubeconfig = self.plane.service_account_kubeconfig(NAMESPACE, bundle.NAME)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _served(self, kind: str) -> bool:
        self.spectator.discovery.invalidate("gitops-agent.dev")
        return any(
            resource.kind == kind for resource in self.spectator.discovery.kinds() if resource.group == "gitops-agent.dev"
        )

    def agent(self, *, instead: AgentProcess | None = None) -> AgentProcess:
        """Starts a replica, optionally with the files of its predecessor.

        It ends with the environment.
        """
        self._agents += 1
        environ = {"GITOPS_AGENT_SOURCE__CACHE_DIR": str(self.directory / f"{instead.log.stem}-cache")} if instead else {}
        environ["GITOPS_AGENT_AGENT__DELETION_BUDGET"] = "100000"  # measurements delete at a rate that no team does
        agent = AgentProcess(self.kubeconfig, self.directory, name=f"agent-{self._agents}", environ=environ)
        self._stack.callback(agent.stop)
        return agent

    def application(self, number: int) -> Object:
        """The Application of a number."""
        return {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name(number), "namespace": NAMESPACE},
            "spec": {
                "source": {"repoURL": self.repository.url, "ref": {"branch": "main"}, "path": f"apps/{name(number)}"},
                "destination": {"namespace": name(number), "createNamespace": True},
                "sync": {"interval": "30s"},
            },
        }

    def wait_until_settled(self, commit: str) -> None:
        """Returns when every application is Ready at a commit."""
        resource = self.spectator.discovery.find("gitops-agent.dev", "Application")
        watch = ReadyWatch(self.spectator.transport, resource, lambda item: settled(item, commit), namespace=NAMESPACE)
        watch.until(self.count, "every application is ready")

    def versions(self) -> dict[str, str]:
        """The resource version of every managed object: what a write would change."""
        versions = {}
        for group, kind in (("", "ConfigMap"), ("", "Service"), ("", "ServiceAccount"), ("apps", "Deployment")):
            resource = self.spectator.discovery.find(group, kind)
            for obj in self.spectator.objects.list(resource, label_selector="gitops-agent.dev/application").items:
                versions[str(ObjectKey.of(obj))] = obj["metadata"]["resourceVersion"]
        return versions


def name(number: int) -> str:
    """The name of an application."""
    return f"app-{number:04d}"


def write_application(folder: Path, number: int) -> None:
    """A kustomization of four objects; with its namespace an application has five."""
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(
        "resources: [objects.yaml]\nnamespace: " + name(number) + "\nconfigMapGenerator:\n"
        "  - name: settings\n    options: {disableNameSuffixHash: true}\n    literals: [LEVEL=info]\n"
    )
    (folder / "objects.yaml").write_text(_OBJECTS)


def rendered(folder: Path) -> list[Object]:
    """The objects of an application as kustomize renders them, parsed."""
    from gitops_agent.manifest.yaml import load_all
    from gitops_agent.render.binaries import find

    out = run((str(find("kustomize").path), "build", str(folder))).stdout
    return [dict(document) for document in load_all(out, file="kustomize")]


def metrics(agent: AgentProcess) -> dict[str, float]:
    """The agent's metrics, summed over most labels.

    Except `resource` and `verb` of API requests.
    """
    port = next(event["port"] for event in agent.events() if event.get("event") == "listening")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    values: dict[str, float] = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match:
            key = match[1] + (f"{{{match[2]}}}" if match[1].startswith("api_requests") else "")
            values[key] = values.get(key, 0.0) + float(match[3])
    return values


def family(pid: int) -> list[int]:
    """A process and all it started that still runs."""
    members = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*"):  # a child belongs to the thread that started it
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                members += family(int(child))
    return members


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all it started, render workers included."""
    return sum(_cpu_seconds(member) for member in family(pid))


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and its ended children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(fields[i]) for i in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
