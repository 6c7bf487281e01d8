"""A tenant: a repository, a namespace, and Applications."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPROVED, REQUESTED
from tests.acceptance.installed_agent import SECONDS, Agent, InstalledAgent, apply, forget, path
from tests.acceptance.objects import config_map
from tests.acceptance.repository import Repository
from tests.waiting import eventually

T = TypeVar("T")
_MERGE = "application/merge-patch+json"


class Tenant:
    """A tenant of an installed agent.

    Attributes:
        installed: the agent's.
        agent: the process that serves this team; tests that restart it put the new one here.
        namespace: where the objects go; its name is also part of every Application's, so tests share an agent.
        repository: with nothing in it at first.
    """

    def __init__(self, installed: InstalledAgent, agent: Agent | None, namespace: str, folder: Path) -> None:
        self.installed, self.agent, self.namespace = installed, agent, namespace
        self.plane = installed.plane
        self.folder = folder
        self.repository = Repository(folder / "git")
        self._applications: list[str] = []

    # Applications

    def name(self, short: str) -> str:
        """The name of one of this team's Applications."""
        return f"{short}-{self.namespace}"

    def declare(self, short: str = "app", *, source: Object | None = None, **spec: Any) -> Object:
        """Creates or changes an Application, with small and quick defaults."""
        name = self.name(short)
        git = {} if source and "chart" in source else {"repoURL": self.repository.url, "ref": {"branch": "main"}}
        wanted: Object = {
            "source": {**git, **(source or {})},
            "destination": {"namespace": self.namespace},
            **spec,
        }
        body = {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": self.installed.namespace},
            "spec": wanted,
        }
        if name not in self._applications:
            self._applications.append(name)
        return apply(self.plane, body)

    def application(self, short: str = "app") -> Object:
        """An Application as it stands in the cluster."""
        result: Object = self.plane.request("GET", self.installed.path("applications", self.name(short)))
        return result

    def condition(self, kind: str = "Ready", short: str = "app") -> Object:
        """One of its conditions, empty when it is absent."""
        conditions = (self.application(short).get("status") or {}).get("conditions") or []
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def patch(self, patch: Object, short: str = "app") -> None:
        """Changes an Application."""
        self.plane.request("PATCH", self.installed.path("applications", self.name(short)), patch, content_type=_MERGE)

    def ask(self, short: str | None = None) -> None:
        """Asks for a sync, of one Application or all."""
        for name in self._applications if short is None else [self.name(short)]:
            stamp = {"metadata": {"annotations": {REQUESTED: f"{time.time():.6f}"}}}
            with contextlib.suppress(NotFound):
                self.plane.request("PATCH", self.installed.path("applications", name), stamp, content_type=_MERGE)

    def approve(self, plan: str, short: str = "app") -> None:
        """Approves a plan by its hash."""
        self.patch({"metadata": {"annotations": {APPROVED: plan}}}, short)

    def remove(self, short: str = "app") -> None:
        """Deletes an Application."""
        self.plane.request("DELETE", self.installed.path("applications", self.name(short)))

    # Git

    def commit(self, changes: Mapping[str, str | bytes | None], message: str = "Change something") -> str:
        """Commits, pushes, and asks for a sync."""
        commit = self.repository.commit(changes, message)
        self.ask()
        return commit

    def replace(self, contents: Mapping[str, str | bytes]) -> str:
        """Makes the repository hold exactly these files, and asks for a sync."""
        commit = self.repository.replace(contents)
        self.ask()
        return commit

    def push(self, message: str = "Change something") -> str:
        """Pushes the work tree as it is, and asks for a sync."""
        commit = self.repository.push(message)
        self.ask()
        return commit

    # Waiting

    def until(self, check: Callable[[], T], what: str, *, seconds: float = SECONDS) -> T:
        """The first truthy result, else an error with the Applications' status."""
        try:
            return eventually(check, seconds=seconds, every=0.05, what=what)
        except AssertionError as error:
            error.add_note(self._told())
            raise

    def settled(self, commit: str, short: str = "app", *, seconds: float = SECONDS) -> Object:
        """Waits until an Application is Ready at a commit."""

        def check() -> Object:
            application = self.application(short)
            status = application.get("status") or {}
            ready: Object = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), {})
            current = status.get("observedGeneration") == application["metadata"]["generation"]
            done = current and ready.get("status") == "True" and status.get("sync", {}).get("revision") == commit
            return application if done else {}

        return self.until(check, f"{short} is ready at {commit[:12]}", seconds=seconds)

    def says(self, reason: str, text: str = "", *, short: str = "app", kind: str = "Ready") -> str:
        """Waits until a condition has this reason: the message.

        And this text in its message.
        """

        def check() -> str:
            condition = self.condition(kind, short)
            message = str(condition.get("message", ""))
            return message if condition.get("reason") == reason and text in message else ""

        return self.until(check, f"{short}: {kind} is {reason} and tells of {text!r}")

    def held(self, text: str = "", *, short: str = "app") -> tuple[str, str]:
        """Waits until a plan is held: its hash and the message."""
        message = self.says("HeldForApproval", text, short=short)
        return str(self.application(short)["status"]["sync"]["plan"]), message

    def looked(self, short: str = "app", *, times: int = 2) -> None:
        """Waits until the agent has reconciled an Application again."""
        agent = self.agent
        assert agent is not None
        key = f"{self.installed.namespace}/{self.name(short)}"

        def count() -> int:
            return sum(line.get("application") == key for line in agent.reconciles())

        for _ in range(times):
            before = count()
            self.ask(short)
            self.until(lambda known=before: count() > known, f"{short} is looked at again")  # type: ignore[misc]

    # The cluster

    def get(self, kind: str, name: str, *, namespace: str | None = None, api: str = "v1") -> Object | None:
        """An object, None when it is not there."""
        where = self.namespace if namespace is None else namespace
        obj: Object = {"apiVersion": api, "kind": kind, "metadata": {"name": name}}
        if where:
            obj["metadata"]["namespace"] = where
        try:
            answer: Object = self.plane.request("GET", path(obj))
        except NotFound:
            return None
        return answer

    def config(self, name: str, *, namespace: str | None = None) -> Object | None:
        """A ConfigMap."""
        return self.get("ConfigMap", name, namespace=namespace)

    def configs(self) -> set[str]:
        """The names of the ConfigMaps that tests made."""
        items = self.plane.request("GET", f"/api/v1/namespaces/{self.namespace}/configmaps")["items"]
        return {str(item["metadata"]["name"]) for item in items} - {"kube-root-ca.crt"}

    def apply(self, obj: Object, *, manager: str = "somebody", namespace: str | None = None) -> Object:
        """Applies as another manager, in the tenant's namespace by default.

        Another namespace where named; none: "".
        """
        where = self.namespace if namespace is None else namespace
        metadata = {"namespace": where, **obj["metadata"]} if where else obj["metadata"]
        return apply(self.plane, {**obj, "metadata": metadata}, manager=manager)

    def edit(self, kind: str, name: str, patch: Object, *, manager: str = "kubectl-edit", api: str = "v1") -> None:
        """A merge patch by hand."""
        obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
        self.plane.request("PATCH", f"{path(obj)}?fieldManager={manager}", patch, content_type=_MERGE)

    def delete(self, kind: str, name: str, *, api: str = "v1", namespace: str | None = None) -> None:
        """Deletes an object by hand."""
        where = self.namespace if namespace is None else namespace
        obj: Object = {"apiVersion": api, "kind": kind, "metadata": {"name": name}}
        if where:
            obj["metadata"]["namespace"] = where
        self.plane.request("DELETE", path(obj))

    def foreign(self, name: str = "foreign") -> str:
        """Another manager's ConfigMap in the namespace: its uid, for comparison."""
        return str(self.apply(config_map(name))["metadata"]["uid"])

    def close(self) -> None:
        """Forgets the Applications; their objects go with the namespace."""
        for name in self._applications:
            with contextlib.suppress(NotFound):
                forget(self.plane, self.plane.request("GET", self.installed.path("applications", name)))

    def _told(self) -> str:
        lines = []
        for name in self._applications:
            with contextlib.suppress(NotFound):
                answer = self.plane.request("GET", self.installed.path("applications", name))
                lines.append(f"{name}: {answer.get('status')}")
        if self.agent is not None:
            lines += ["the agent's last words:", *self.agent.log.read_text(errors="replace").splitlines()[-25:]]
            lines += ["its threads:", *self.agent.stacks()]
        return "\n".join(lines)
