"""Applications with scripted status, marked objects, and a repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

from gitops_agent.api.crd import crds
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import marked
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.waiting import eventually

COMMIT, OLDER = "c0ffee0000" * 4, "badc0de000" * 4
PLAN = "0123456789abcdef" * 2
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_GROUP = "/apis/gitops-agent.dev/v1alpha1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_IDENTITY = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


_INSTALLED: WeakSet[ControlPlane] = WeakSet()


def install_crds(plane: ControlPlane) -> None:
    """Makes the API server serve our kinds.

    Once: tests share the control plane, and none takes the kinds away from the others.
    """
    if plane in _INSTALLED:
        return
    for crd in crds():
        path = f"{_CRDS}/{crd['metadata']['name']}"
        plane.request("PATCH", f"{path}?fieldManager=tests&force=true", crd, content_type=_APPLY)

    def served() -> bool:
        kinds = {resource["kind"] for resource in plane.request("GET", _GROUP)["resources"]}
        plane.request("GET", f"{_GROUP}/rolloutpolicies")
        return {"Application", "Notifier", "RolloutPolicy"} <= kinds

    eventually(served, what="the CRDs are served")
    _INSTALLED.add(plane)


def condition(kind: str, value: str, reason: str, message: str) -> Object:
    moment = "2026-05-04T12:00:00Z"
    return {"type": kind, "status": value, "reason": reason, "message": message, "lastTransitionTime": moment}


def healthy(commit: str = COMMIT) -> Object:
    """The status of an application that is fine."""
    message = f"{commit[:12]} is applied: 3 objects"
    return {
        "observedGeneration": 1,
        "conditions": [condition("Ready", "True", "Synced", message)],
        "sync": {"status": "Synced", "revision": commit, "shortRevision": commit[:12], "plan": PLAN},
        "health": {"status": "Healthy", "reasons": []},
        "source": {"revision": commit, "author": "Ada <ada@example.com>", "subject": "Release 1.5.0"},
        "resources": {"total": 3, "synced": 3, "drifted": 0, "unhealthy": 0, "problems": []},
        "history": [],
    }


def troubled(ready: str, reason: str, message: str, **more: Any) -> Object:
    """The status of one that is not, still at an older commit."""
    status = healthy()
    status["conditions"] = [condition("Ready", ready, reason, message)]
    status["sync"] |= {"status": "OutOfSync", "revision": OLDER, "shortRevision": OLDER[:12]}
    return status | more


@dataclass
class ClusterEnv:
    """A namespace with Applications for commands."""

    plane: ControlPlane
    namespace: str
    folder: Path
    uids: dict[str, str] = field(default_factory=dict)

    def path(self, plural: str, name: str = "") -> str:
        return f"{_GROUP}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def application(self, name: str, status: Object | None = None, **spec: Any) -> Object:
        """Creates an Application and writes its status."""
        source = {"repoURL": "https://git.example.com/config.git", "ref": {"branch": "main"}, "path": "apps/shop"}
        body = {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {"source": source, "destination": {"namespace": self.namespace}} | spec,
        }
        answer: Object = self.plane.request("POST", self.path("applications"), body)
        return self.status(name, status) if status else answer

    def status(self, name: str, status: Object) -> Object:
        path = self.path("applications", name) + "/status"
        done: Object = self.plane.request("PATCH", path, {"status": status}, content_type=_MERGE)
        return done

    def get(self, name: str) -> Object:
        answer: Object = self.plane.request("GET", self.path("applications", name))
        return answer

    def owned(self, name: str, obj: Object) -> Object:
        """Applies an object as the agent would for the application `name`."""
        key = AppKey(self.namespace, name)
        body = marked(
            {**obj, "metadata": {**obj["metadata"], "namespace": self.namespace}}, application=key, digest="", revision=""
        )
        group, _, version = obj["apiVersion"].rpartition("/")
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        path = f"{root}/namespaces/{self.namespace}/{obj['kind'].lower()}s/{obj['metadata']['name']}"
        query = "fieldManager=gitops-agent&force=true"
        done: Object = self.plane.request("PATCH", f"{path}?{query}", body, content_type=_APPLY)
        return done

    def repository(self, files: Mapping[str, str]) -> str:
        """A repository with one commit on main: its URL.

        `clone` is the work tree.
        """
        work = self.clone
        work.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(files)
        self.commit("The first commit")
        return f"file://{work}"

    @property
    def clone(self) -> Path:
        return self.folder / "work"

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", self.clone, *words], check=True, capture_output=True, env=_IDENTITY, text=True)
        return done.stdout.strip()


def configmap(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
