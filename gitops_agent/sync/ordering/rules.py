"""The ordering rules as data: predecessor, condition, and precedence.

`order` applies them; users can print them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitops_agent.sync.ordering.graph import Until


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRule:
    """One reason for an order.

    Attributes:
        name: its own.
        first: what comes first.
        then: what comes after it.
        until: what must be true of the first.
        yields: it is a preference; where it would close a circle with others, it gives way.
    """

    name: str
    first: str
    then: str
    until: Until
    yields: bool = False

    @property
    def why(self) -> str:
        """As it reads behind "waits for X: "."""
        return f"{self.first} before {self.then}"


RULES: Mapping[str, OrderRule] = {
    rule.name: rule
    for rule in (
        OrderRule(name="definition", first="a CRD", then="its custom resources", until=Until.ESTABLISHED),
        OrderRule(name="namespace", first="a Namespace", then="what is in it", until=Until.ACTIVE),
        OrderRule(name="api", first="an APIService", then="objects of its API group", until=Until.HEALTHY),
        OrderRule(name="account", first="a ServiceAccount", then="pods that run as it", until=Until.APPLIED),
        OrderRule(name="configuration", first="configuration and volumes", then="pods that need them", until=Until.APPLIED),
        OrderRule(
            name="optional configuration",
            first="optional configuration",
            then="what can do without it",
            until=Until.APPLIED,
            yields=True,
        ),
        OrderRule(name="token", first="a ServiceAccount", then="the Secret for its token", until=Until.APPLIED),
        OrderRule(name="class", first="a class", then="what is of that class", until=Until.APPLIED),
        OrderRule(name="volume", first="a volume or its source", then="the claim for it", until=Until.APPLIED, yields=True),
        OrderRule(
            name="service", first="a headless Service", then="the StatefulSet it names", until=Until.APPLIED, yields=True
        ),
        OrderRule(name="role", first="a role", then="its bindings", until=Until.APPLIED, yields=True),
        OrderRule(name="subject", first="a ServiceAccount", then="bindings that name it", until=Until.APPLIED, yields=True),
        OrderRule(
            name="access", first="RBAC of a ServiceAccount", then="workloads that run as it", until=Until.APPLIED, yields=True
        ),
        OrderRule(
            name="limits",
            first="network policies, quotas and limits",
            then="workloads of the namespace",
            until=Until.APPLIED,
            yields=True,
        ),
        OrderRule(name="issuer", first="an issuer", then="what it issues", until=Until.APPLIED, yields=True),
        OrderRule(name="store", first="a secret store", then="secrets fetched from it", until=Until.APPLIED, yields=True),
        OrderRule(name="gateway", first="a gateway", then="its routes", until=Until.APPLIED, yields=True),
        OrderRule(name="scaled", first="a workload", then="its autoscaler", until=Until.APPLIED, yields=True),
        OrderRule(
            name="backend",
            first="a working backend",
            then="the webhook configuration or APIService that calls it",
            until=Until.HEALTHY,
            yields=True,
        ),
        OrderRule(name="depends-on", first="what an annotation names", then="the object that bears it", until=Until.HEALTHY),
        OrderRule(name="wave", first="lower waves", then="higher waves", until=Until.HEALTHY),
        OrderRule(name="prune", first="everything that is applied", then="deletions", until=Until.APPLIED),
        OrderRule(
            name="gone resources", first="custom resources", then="the operator, its access and its CRDs", until=Until.GONE
        ),
        OrderRule(name="gone callers", first="webhook configurations and APIServices", then="their backends", until=Until.GONE),
        OrderRule(name="gone workloads", first="workloads", then="what they use", until=Until.GONE),
        OrderRule(name="gone contents", first="everything else", then="CRDs, then Namespaces", until=Until.GONE),
    )
}
"""By name; to be printed as it stands. The last five order deletions."""

KIND_ORDER = (
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
)
"""Among objects that need not wait for each other these kinds go first, in this order (deletions: last, in reverse)."""

RANKS: Mapping[str, int] = {kind: rank for rank, kind in enumerate(KIND_ORDER)}
"""The same by kind."""
