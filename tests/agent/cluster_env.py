"""A running agent in the process of the test.

It has everything a leader runs, without the lease, in a namespace of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from gitops_agent.agent.components import Components
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import REQUESTED
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.agent.samples import application_object
from tests.source.author import Author
from tests.waiting import eventually


class ClusterEnv:
    """The agent, the repository it follows, and a user of the cluster.

    Applications deploy the folder that has their name to `namespace`, and poll commits on `ask`: nothing is polled by interval
    while a test runs.
    """

    def __init__(
        self,
        plane: ControlPlane,
        *,
        home: str,
        namespace: str,
        author: Author,
        cache: Path,
        tools: Mapping[str, Path],
        kubeconfig: Path | None = None,
        health: Object | None = None,
    ) -> None:
        self.home, self.namespace, self.author = home, namespace, author
        self.person = Transport.from_kubeconfig(plane.kubeconfig)
        self.objects = Objects(self.person, Discovery(self.person), field_manager="kubectl-edit")
        self.transport = Transport.from_kubeconfig(kubeconfig or plane.kubeconfig)
        self.settings = Settings.model_validate(
            {
                "cluster": {"namespace": home},
                "source": {"allow_file": True, "cache_dir": str(cache)},
                "render": {"concurrency": 2, "helm": str(tools["helm"]), "kustomize": str(tools["kustomize"])},
                "leader": {"enabled": False},
                "health": health or {},
            }
        )
        self.components = Components(self.settings, self.transport)
        self._requests = 0
        self._running = False

    def start(self) -> None:
        self._running = True
        self.components.start()

    def stop(self) -> None:
        if self._running:
            self._running = False
            self.components.stop()

    def close(self) -> None:
        """Ends the agent and removes its Applications, whatever finalizers they have."""
        self.stop()
        for application in self.person.request("GET", self._path())["items"]:
            self.forget(application["metadata"]["name"])
        self.transport.close()
        self.person.close()

    # Git

    def commit(self, files: Mapping[str, str], message: str = "Change") -> str:
        """Commits a whole tree and polls it for every application."""
        commit = self.author.commit(files, message=message)
        keys = self.components.stores.applications.keys()
        for key in keys:
            self.components.poller.ask(key, "a commit")
        return commit

    # Applications

    def create(self, name: str, *, annotations: Mapping[str, str] | None = None, **spec: Any) -> Object:
        """Creates an Application for the folder of its name."""
        spec.setdefault("destination", {"namespace": self.namespace})
        spec["sync"] = {"interval": "1h", **spec.get("sync", {})}
        obj = application_object(
            name, namespace=self.home, url=self.author.repository.url, path=name, annotations=annotations, **spec
        )
        for field in ("uid", "resourceVersion", "generation"):
            del obj["metadata"][field]
        return cast("Object", self.person.request("POST", self._path(), body=obj))

    def patch(self, name: str, patch: Object) -> Object:
        """A merge patch of an Application."""
        return cast(
            "Object",
            self.person.request("PATCH", self._path(name), body=patch, content_type="application/merge-patch+json"),
        )

    def patch_status(self, name: str, status: Object) -> None:
        """A merge patch of an Application's status, as no agent runs."""
        self.person.request(
            "PATCH", f"{self._path(name)}/status", body={"status": status}, content_type="application/merge-patch+json"
        )

    def annotate(self, name: str, **marks: str | None) -> None:
        """Sets annotations by the last word of their names, underscores for hyphens."""
        named = {f"gitops-agent.dev/{mark.replace('_', '-')}": value for mark, value in marks.items()}
        self.patch(name, {"metadata": {"annotations": named}})

    def request(self, name: str) -> str:
        """What `gitops-agent sync` does."""
        self._requests += 1
        self.patch(name, {"metadata": {"annotations": {REQUESTED: str(self._requests)}}})
        return str(self._requests)

    def delete(self, name: str) -> None:
        self.person.request("DELETE", self._path(name))

    def forget(self, name: str) -> None:
        """Removes an Application, whatever finalizers it has."""
        with contextlib.suppress(NotFound):
            self.person.request("DELETE", self._path(name))
            self.patch(name, {"metadata": {"finalizers": None}})

    def forget_hooks(self, name: str) -> None:
        """Removes the record of hooks, as if none had run."""
        patch = {"status": {"hooks": None}}
        self.person.request("PATCH", f"{self._path(name)}/status", body=patch, content_type="application/merge-patch+json")

    def application(self, name: str) -> Object:
        """The live Application, empty when there is none."""
        try:
            return cast("Object", self.person.request("GET", self._path(name)))
        except NotFound:
            return {}

    def status(self, name: str) -> Object:
        return self.application(name).get("status") or {}

    def ready(self, name: str) -> tuple[str, str]:
        """Status and reason of the Ready condition."""
        return self._condition(name)[:2]

    def says(self, name: str) -> str:
        """The message of the Ready condition."""
        return self._condition(name)[2]

    def await_reason(self, name: str, reason: str, text: str = "") -> str:
        """Waits until Ready has this reason and text: its message."""

        def message() -> str:
            _, now, detail = self._condition(name)
            return detail if now == reason and text in detail else ""

        return eventually(message, what=f"{name} is {reason}")

    def await_synced(self, name: str, commit: str) -> Object:
        """Waits until an application is Ready at a commit: its status."""

        def synced() -> bool:
            status = self.status(name)
            return status.get("sync", {}).get("revision") == commit and self.ready(name) == ("True", "Synced")

        eventually(synced, what=f"{name} is ready at {commit[:12]}")
        return self.status(name)

    def state(self, name: str) -> ApplicationState:
        """In-memory state of an application."""
        return self.components.reconciler.state(AppKey(self.home, name))

    # Objects of the applications' namespace

    def key(self, name: str, kind: str = "ConfigMap", group: str = "") -> ObjectKey:
        return ObjectKey(group, kind, self.namespace, name)

    def live(self, name: str, kind: str = "ConfigMap", group: str = "") -> Object | None:
        """An object, None when it is not there."""
        try:
            return self.objects.get(self.key(name, kind, group))
        except AgentError:
            return None

    def data(self, name: str) -> dict[str, str] | None:
        """What a ConfigMap holds, None when it is not there."""
        config_map = self.live(name)
        return None if config_map is None else config_map.get("data", {})

    def edit(self, name: str, patch: Object, kind: str = "ConfigMap", group: str = "") -> None:
        """Patches an object as a user does by hand."""
        self.objects.merge_patch(self.key(name, kind, group), patch)

    def until(self, check: Callable[[], object], what: str = "") -> None:
        eventually(check, what=what)

    def _condition(self, name: str, kind: str = "Ready") -> tuple[str, str, str]:
        for condition in self.status(name).get("conditions") or ():
            if condition["type"] == kind:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    def _path(self, name: str = "") -> str:
        return f"/apis/gitops-agent.dev/v1alpha1/namespaces/{self.home}/applications" + (f"/{name}" if name else "")


Made = Callable[..., ClusterEnv]
"""Creates an Application and waits until it is synced."""
