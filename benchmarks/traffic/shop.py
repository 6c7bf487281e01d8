"""The application rolled out under load by the real agent.

A Deployment behind a Service and a route.
"""

from __future__ import annotations

from typing import Any

from benchmarks.traffic import gateway
from benchmarks.traffic.load import Load
from benchmarks.traffic.test_bed import TestBed
from gitops_agent.manifest.key import Object
from tests.acceptance.objects import deployment, files, service
from tests.acceptance.rollout import WEB, Rollout, policy
from tests.acceptance.state_recorder import StateRecorder
from tests.acceptance.tenant import Tenant

GATEWAY, SERVICE = "gatewayAPI", "service"
STOP_SECONDS = 5
"""How long a pod goes on answering after its deletion: the `preStop` sleep every workload without downtime has."""


class Shop(Rollout):
    """One application under load.

    Args:
        stage: where it runs.
        team: its repository and namespace.
        strategy: of its policy.
        provider: `gatewayAPI` or `service`.
        replicas: of the workload.
        spec: further fields of the policy.

    Attributes:
        host: by which the gateway knows it.
    """

    def __init__(
        self, stage: TestBed, team: Tenant, strategy: Object, *, provider: str = GATEWAY, replicas: int = 4, **spec: Any
    ) -> None:
        self.stage, self.provider = stage, provider
        self.host = f"{team.namespace}.example.com"
        routed = {"provider": GATEWAY, "routes": [{"kind": "HTTPRoute", "name": WEB}]}
        wanted = {"drain": "2s", **spec, **({"traffic": routed} if provider == GATEWAY else {})}
        super().__init__(team, strategy, *([self._route()] if provider == GATEWAY else []), replicas=replicas, **wanted)
        self.pod_changes: Object = {}
        self.spec_changes: Object = {}

    def manifests(self, number: int, *extra: Object, **changes: Any) -> dict[str, str]:
        """The files of a version."""
        workload = deployment(
            WEB, image=f"registry.example.com/{self.team.namespace}:{number}", replicas=self.replicas, **changes
        )
        container = workload["spec"]["template"]["spec"]["containers"][0]
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": STOP_SECONDS}}}
        container["ports"] = [{"containerPort": 8080}]
        workload["spec"] |= self.spec_changes
        workload["spec"]["template"]["spec"] |= self.pod_changes
        return files(workload, service(WEB), policy(self.strategy, **self.spec), *self.more, *extra)

    def of(self, number: int) -> str:
        """The image of a version."""
        return f"registry.example.com/{self.team.namespace}:{number}"

    def load(self, rate: float, **headers: str) -> Load:
        """Steady load through the gateway, or through the Service."""
        if self.provider == GATEWAY:
            return self.stage.load(self.stage.gateway.url, rate=rate, headers={"Host": self.host, **headers}, seconds=3600)
        return self.stage.load(self.stage.service_url(self.team.namespace, WEB), rate=rate, seconds=3600)

    def recorder(self) -> StateRecorder:
        """Records the states of the rollout."""
        return StateRecorder(self.team.plane, self.team.namespace)

    def quota(self, pods: int | None) -> None:
        """Limits the pods of the namespace, or lifts it with None."""
        if pods is None:
            self.team.delete("ResourceQuota", "pods")
            return
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "pods"},
            "spec": {"hard": {"pods": str(pods)}},
        }
        self.team.apply(quota)

    def _route(self) -> Object:
        parent = {"name": gateway.NAME, "namespace": gateway.NAMESPACE}
        rules = [{"backendRefs": [{"name": WEB, "port": 80}]}]
        spec = {"parentRefs": [parent], "hostnames": [self.host], "rules": rules}
        return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": WEB}, "spec": spec}
