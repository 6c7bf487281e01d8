"""An installed agent: namespace, ServiceAccount with rights, and processes.

The rights are those of `deploy/`; the processes run with its token.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from gitops_agent.api.crd import crds
from gitops_agent.errors import ClusterError, NotFound
from gitops_agent.install import bundle
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.agent import AgentProcess
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from tests import delays
from tests.waiting import eventually

APPLY = "application/apply-patch+yaml"
ROLES = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "Endpoints": "endpoints",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "RolloutPolicy": "rolloutpolicies",
}
SECONDS = 60.0
_SURPRISES = ("unexpected error", "watch receiver failed", "clock job failed")


def path(obj: Object) -> str:
    """Where an object lies."""
    group, _, version = obj["apiVersion"].rpartition("/")
    namespace = obj["metadata"].get("namespace")
    plural = PLURALS.get(obj["kind"], f"{obj['kind'].lower()}s")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{plural}/{obj['metadata']['name']}"


def apply(plane: ControlPlane, obj: Object, *, manager: str = "somebody") -> Object:
    """Server-side apply by another manager than the agent."""
    query = f"fieldManager={manager}&force=true&fieldValidation=Strict"
    result: Object = plane.request("PATCH", f"{path(obj)}?{query}", obj, content_type=APPLY)
    return result


_INSTALLED: WeakSet[ControlPlane] = WeakSet()


def install_crds(plane: ControlPlane) -> None:
    """Applies our CRDs, once per control plane: agents share it."""
    if plane not in _INSTALLED:
        upgrade_crds(plane)
        _INSTALLED.add(plane)


def upgrade_crds(plane: ControlPlane) -> None:
    """Applies our CRDs and waits until they are served."""
    for definition in crds():
        apply(plane, definition, manager=bundle.FIELD_MANAGER)
    eventually(lambda: plane.request("GET", "/apis/gitops-agent.dev/v1alpha1/applications"), seconds=SECONDS)
    eventually(lambda: plane.request("GET", "/apis/gitops-agent.dev/v1alpha1/notifiers"), seconds=SECONDS)
    eventually(lambda: plane.request("GET", "/apis/gitops-agent.dev/v1alpha1/rolloutpolicies"), seconds=SECONDS)


@lru_cache(maxsize=1)
def _roles() -> tuple[Object, ...]:
    wanted = bundle.manifests(bundle.Flavour.FULL)
    for component in ("impersonate", "dashboard"):
        role = bundle.folder() / f"components/{component}/role.yaml"
        wanted += load_all(role.read_bytes(), file=role.name)
    return tuple(obj for obj in wanted if obj["kind"] in ROLES)


class InstalledAgent:
    """An installation of the agent.

    Attributes:
        plane: the cluster.
        namespace: of the agent and its Applications.
        folder: for logs and caches.
        kubeconfig: with the account's token.
    """

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.plane, self.namespace, self.folder = plane, namespace, folder
        folder.mkdir(parents=True, exist_ok=True)
        install_crds(plane)
        self._made: list[str] = []
        self._create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, "/api/v1/namespaces", f"/{namespace}"
        )
        for original in _roles():
            obj = copy(original)
            if "namespace" in obj["metadata"]:
                obj["metadata"]["namespace"] = namespace
            if obj["kind"].startswith("ClusterRole"):
                obj["metadata"]["name"] += f"-{namespace}"
                obj.get("roleRef", {})["name"] = obj["metadata"]["name"]
                self._made.insert(0, path(obj))
            for subject in obj.get("subjects", ()):
                subject["namespace"] = namespace
            apply(plane, obj)
        self.token = plane.service_account_token(namespace, bundle.NAME)
        self.kubeconfig = self.kubeconfig_for(plane.host)
        self.agents: list[Agent] = []
        eventually(self._may_write, seconds=SECONDS, what="the roles are known to the API server")

    def kubeconfig_for(self, server: str, name: str = "direct") -> Path:
        """A kubeconfig with the account's token for a given server.

        The server may stand before the real one.
        """
        return write_kubeconfig(
            self.folder / f"{name}.kubeconfig", server=server, authority=self.plane.authority, user=name, token=self.token
        )

    def start(
        self,
        name: str = "agent",
        *,
        kubeconfig: Path | None = None,
        settings: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Agent:
        """Starts a replica.

        Args:
            name: distinguishes replicas.
            kubeconfig: with the account's token; the API server itself by default.
            settings: as `{"leader__enabled": "false"}`.
            variables: further ones of its environment.
        """
        environ = {f"GITOPS_AGENT_{key.upper()}": value for key, value in (settings or {}).items()}
        environ |= {**delays.environment(), **(variables or {})}
        environ["GITOPS_AGENT_CLUSTER__NAMESPACE"] = self.namespace
        # Tests share the agent, and delete more within ten minutes than one team does.
        environ.setdefault("GITOPS_AGENT_AGENT__DELETION_BUDGET", "100000")
        agent = Agent(kubeconfig or self.kubeconfig, self.folder, name=name, environ=environ)
        self.agents.append(agent)
        return agent

    def administrator(self, name: str) -> str:
        """The token of an account that may do everything."""
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        apply(
            self.plane, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": self.namespace}}
        )
        binding: Object = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{name}-{self.namespace}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [subject],
        }
        self._made.insert(0, path(binding))
        apply(self.plane, binding)
        user = f"system:serviceaccount:{self.namespace}:{name}"
        eventually(lambda: self._may(user, "delete", "nodes"), seconds=SECONDS, what="the API server knows the account")
        return self.plane.service_account_token(self.namespace, name)

    def close(self) -> None:
        """Ends every process and takes everything away; namespaces go in the background.

        Raises:
            AssertionError: an agent wrote what no agent should ever write.
        """
        for agent in self.agents:
            agent.stop()
        for application in self.plane.request("GET", self.path("applications"))["items"]:
            forget(self.plane, application)
        for place in self._made:
            with contextlib.suppress(NotFound):
                self.plane.request("DELETE", place)
        surprises = [line for agent in self.agents for line in agent.unexpected()]
        assert not surprises, surprises

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def path(self, plural: str, name: str = "") -> str:
        """Where our own resources lie."""
        return f"/apis/gitops-agent.dev/v1alpha1/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def _create(self, body: Object, collection: str, name: str) -> None:
        self.plane.request("POST", collection, body)
        self._made.append(collection + name)

    def _may_write(self) -> bool:
        return self._may(f"system:serviceaccount:{self.namespace}:{bundle.NAME}", "patch", "configmaps")

    def _may(self, user: str, verb: str, resource: str) -> bool:
        attributes = {"verb": verb, "group": "", "resource": resource, "namespace": "default"}
        spec = {"user": user, "resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer: Any = self.plane.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        return bool(answer["status"]["allowed"])


class Agent(AgentProcess):
    """A replica, observed from outside."""

    def said(self, event: str) -> list[dict[str, Any]]:
        """Every log line with this event so far."""
        return [line for line in self.events() if line.get("event") == event]

    def metrics(self) -> str:
        """What Prometheus would read."""
        line = eventually(lambda: self.said("listening"), seconds=SECONDS, what="the agent listens")[-1]
        with urllib.request.urlopen(f"http://127.0.0.1:{line['port']}/metrics", timeout=60) as answer:
            text: str = answer.read().decode()
        return text

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that carry these labels."""
        total = 0.0
        for sample in re.finditer(rf"^{name}(?:{{(.*)}})? (\S+)$", self.metrics(), re.MULTILINE):
            if all(f'{key}="{value}"' in (sample[1] or "") for key, value in labels.items()):
                total += float(sample[2])
        return total

    def reconciles(self) -> Iterator[dict[str, Any]]:
        """The canonical lines."""
        yield from self.said("reconciled")

    def stacks(self) -> list[str]:
        """Where each of its threads is, innermost first.

        Empty when it does not run.
        """
        before = len(self.log.read_text(errors="replace"))
        if self.process.poll() is not None:
            return []
        self.process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(AssertionError):
            eventually(lambda: "<module>" in self.log.read_text(errors="replace")[before:])
        return [line for line in self.log.read_text(errors="replace")[before:].splitlines() if not line.startswith("{")]

    def unexpected(self) -> list[str]:
        """Lines no agent should write: unexpected errors, and tracebacks outside the log."""
        surprises = [json.dumps(line) for line in self.events() if str(line.get("event", "")).startswith(_SURPRISES)]
        tracebacks = [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("Traceback")]
        return surprises + tracebacks


def forget(plane: ControlPlane, application: Object) -> None:
    """Removes an Application without its objects, with or without an agent."""
    place = path(application)
    with contextlib.suppress(NotFound, ClusterError):
        patch = {"spec": {"deletionPolicy": "orphan", "suspend": None}}
        plane.request("PATCH", place, patch, content_type="application/merge-patch+json")
        plane.request("DELETE", place)
        finalizers = {"metadata": {"finalizers": None}}
        plane.request("PATCH", place, finalizers, content_type="application/merge-patch+json")
