"""A cluster that another GitOps tool runs, and the way to ours."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from tests.acceptance.installed_agent import SECONDS, InstalledAgent, apply
from tests.acceptance.repository import Repository
from tests.waiting import eventually

HOME = "gitops-agent"
_MERGE = "application/merge-patch+json"


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
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def pods(self, at: str = "shop") -> dict[str, str]:
        """The pods that run: UID by name."""
        pods = self.plane.request("GET", f"/api/v1/namespaces/{at}/pods")["items"]
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods if pod["status"].get("phase") == "Running"}

    def running(self, count: int, at: str = "shop") -> dict[str, str]:
        eventually(lambda: len(self.pods(at)) == count, seconds=SECONDS, what=f"{count} pods run")
        return self.pods(at)
