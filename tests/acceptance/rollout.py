"""A workload with a RolloutPolicy, and what tests ask of its rollout."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, written
from tests.acceptance.objects import deployment, files, service
from tests.acceptance.tenant import Tenant

API = "gitops-agent.dev/v1alpha1"
WEB = "web"
BAD = {"sandbox.gitops-agent.dev/pod": "crash"}


def policy(strategy: Object, **spec: Any) -> Object:
    """The policy of `web`, as quick as it can be."""
    wanted: Object = {
        "targetRef": {"kind": "Deployment", "name": WEB},
        "service": WEB,
        "strategy": strategy,
        "drain": "1s",
        **spec,
    }
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return {"apiVersion": API, "kind": "RolloutPolicy", "metadata": {"name": WEB}, "spec": wanted}


def canary(*steps: Object, **more: Any) -> Object:
    """The strategy canary with these steps, promoted without delay."""
    return {"canary": {"steps": list(steps), "scaleDownDelay": "1s", **more}}


def blue_green(**more: Any) -> Object:
    """The strategy blue-green, promoted without delay."""
    return {"blueGreen": {"scaleDownDelay": "1s", **more}}


def image(number: int) -> str:
    """An image that differs from the others."""
    return f"registry.example.com/web:{number}"


class Rollout:
    """The rollout of `web`, or of another workload, of a tenant."""

    def __init__(self, team: Tenant, strategy: Object, *more: Object, replicas: int = 4, name: str = WEB, **spec: Any) -> None:
        self.team, self.strategy, self.more, self.replicas, self.spec = team, strategy, more, replicas, spec
        self.name = name

    def manifests(self, number: int, *extra: Object, **changes: Any) -> dict[str, str]:
        """The files of a version."""
        workload = deployment(WEB, image=image(number), replicas=self.replicas, **changes)
        return files(workload, service(WEB), policy(self.strategy, **self.spec), *self.more, *extra)

    def begin(self) -> str:
        """The first version, installed and ready to be rolled out."""
        commit = self.team.commit(self.manifests(1))
        self.team.declare()
        self.team.settled(commit)
        self.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
        return commit

    def push(self, number: int, *extra: Object, **changes: Any) -> str:
        """Another version."""
        return self.team.commit(self.manifests(number, *extra, **changes), f"Version {number}")

    def push_fixed(self, number: int) -> str:
        """Another version, which has the time it needs on a busy machine."""
        self.spec.pop("progressDeadline", None)
        return self.push(number)

    def command(self, order: CommandKind) -> None:
        """A person's command."""
        text = written(Command(order=order, nonce=uuid.uuid4().hex, actor="tester"))
        patch = {"metadata": {"annotations": {COMMAND: text}}}
        self.team.edit("RolloutPolicy", self.name, patch, api=API, manager="gitops-agent-cli")

    def status(self) -> Object:
        """The status of the policy."""
        obj = self.team.get("RolloutPolicy", self.name, api=API)
        status: Object = (obj or {}).get("status") or {}
        return status

    def until(self, check: Callable[[Object], Any], what: str, *, seconds: float = 60.0) -> Object:
        """The first status for which this holds."""

        def looked() -> Object:
            status = self.status()
            return status if status.get("state") is not None and check(status) else {}

        try:
            return self.team.until(looked, what, seconds=seconds)
        except AssertionError as error:
            error.add_note(f"the policy: {self.status()}")
            raise

    def at(self, phase: str, stage: str = "", *, step: int | None = None, seconds: float = 60.0) -> Object:
        """Waits until the rollout is in a phase: the status.

        And in a stage and step where given.
        """

        def there(status: Object) -> bool:
            return (
                status.get("phase") == phase
                and (not stage or status.get("stage") == stage)
                and (step is None or status.get("step", 0) == step)
            )

        return self.until(there, f"the rollout is at {phase} {stage}".strip(), seconds=seconds)

    def workload(self) -> Object:
        """The live Deployment."""
        return self.team.get("Deployment", self.name, api="apps/v1") or {}

    def image(self) -> str:
        """What the live Deployment runs."""
        containers = self.workload()["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["image"])

    def second(self) -> Object | None:
        """The second Deployment."""
        items = self.team.plane.request("GET", f"/apis/apps/v1/namespaces/{self.team.namespace}/deployments")["items"]
        return next((item for item in items if item["metadata"]["name"] != WEB), None)

    def pods(self) -> list[Object]:
        """The pods of both sides."""
        pods: list[Object] = self.team.plane.request("GET", f"/api/v1/namespaces/{self.team.namespace}/pods")["items"]
        return pods

    def selector(self, name: str = WEB) -> Object | None:
        """What a Service selects; None when it is not there."""
        obj = self.team.get("Service", name)
        return None if obj is None else obj["spec"]["selector"]
