"""A rollout as the cluster shows it.

Deployments, Services, endpoints, and at the end the status of its policy.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import DEPLOYMENT, ROLLOUT_POLICY, SERVICE
from gitops_agent.rollout.canary_objects import CANARY, ROLLOUT_HASH, VARIANT, canary_service_name
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, written
from gitops_agent.rollout.traffic.service import ready_addresses
from gitops_agent.sandbox.demo.cluster import Spectator

SHOP = "shop"
"""The namespace of the workloads that are rolled out."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The rollout of a shop Deployment and the objects it shares.

    Its Service and policy have its name.
    """

    spectator: Spectator
    name: str

    def workload(self) -> Object:
        """The Deployment itself, empty when it is not there."""
        return self.spectator.get(DEPLOYMENT.named(SHOP, self.name)) or {}

    def second(self) -> Object:
        """The second Deployment, empty when there is none."""
        selector = f"{VARIANT}%3D{CANARY}"
        path = f"/apis/apps/v1/namespaces/{SHOP}/deployments?labelSelector={selector}"
        deployments = self.spectator.transport.request("GET", path)["items"]
        return next(
            (deployment for deployment in deployments if deployment["metadata"]["name"].startswith(f"{self.name}-c-")), {}
        )

    def selected(self) -> str:
        """Which side the Service selects: primary, canary, or empty for both."""
        service = self.spectator.get(SERVICE.named(SHOP, self.name)) or {}
        return str(((service.get("spec") or {}).get("selector") or {}).get(VARIANT) or "")

    def previewed(self) -> bool:
        """Whether the Service of the second version is there."""
        return self.spectator.get(SERVICE.named(SHOP, canary_service_name(self.name))) is not None

    def share(self) -> tuple[int, int]:
        """Ready addresses behind the Service: those of the second version, and all."""
        slices = self._slices()
        total = ready_addresses(slices, self.name)
        return len(total & ready_addresses(slices, canary_service_name(self.name))), len(total)

    def preview(self) -> int:
        """Ready addresses behind the Service of the second version."""
        return len(ready_addresses(self._slices(), canary_service_name(self.name)))

    def tried(self) -> int:
        """Jobs that measured the second version and succeeded."""
        labels = (self.second().get("metadata") or {}).get("labels") or {}
        path = f"/apis/batch/v1/namespaces/{SHOP}/jobs?labelSelector={ROLLOUT_HASH}%3D{labels.get(ROLLOUT_HASH)}"
        deployments = self.spectator.transport.request("GET", path)["items"]
        return sum(int((job.get("status") or {}).get("succeeded") or 0) for job in deployments)

    def gone(self) -> bool:
        """Whether the second version is removed and the Service restored."""
        return not self.second() and not self.previewed() and self.selected() == "primary"

    def status(self) -> Object:
        """The status of the policy."""
        policy = self.spectator.get(ROLLOUT_POLICY.named(SHOP, self.name)) or {}
        return policy.get("status") or {}

    def ended(self, commit: str) -> str:
        """How the newest run ended, empty for another commit's run.

        Promoted, RolledBack or Superseded.
        """
        newest: dict[str, Any] = (self.status().get("history") or [{}])[0]
        return str(newest.get("result") or "") if newest.get("revision") == commit else ""

    def approve(self) -> None:
        """What `gitops-agent rollout approve` does."""
        command = Command(order=CommandKind.APPROVE, nonce=uuid.uuid4().hex, actor="Ada Developer")
        self.spectator.objects.merge_patch(
            ROLLOUT_POLICY.named(SHOP, self.name),
            {"metadata": {"annotations": {COMMAND: written(command)}}},
            field_manager="gitops-agent-cli",
        )

    def _slices(self) -> list[Object]:
        slices = self.spectator.transport.request("GET", f"/apis/discovery.k8s.io/v1/namespaces/{SHOP}/endpointslices")
        return [
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **endpoint_slice}
            for endpoint_slice in slices["items"]
        ]


def image(workload: Object) -> str:
    """The image of a workload's first container, empty when there is none."""
    containers = (((workload.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or [{}]
    return str(containers[0].get("image") or "")


def tag(workload: Object) -> str:
    """The tag of that image."""
    return image(workload).rpartition(":")[2]


def available(workload: Object) -> int:
    """The available pods of a workload."""
    return int((workload.get("status") or {}).get("availableReplicas") or 0)
