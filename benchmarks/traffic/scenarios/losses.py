"""Pods lost during a rollout: evicted singly, deleted together.

On both sides.
"""

from __future__ import annotations

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.record import Record
from benchmarks.traffic.scenarios.steps import promoted
from benchmarks.traffic.shop import Shop
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.rollout import canary

_VARIANT = "gitops-agent.dev/variant"


def pods(installation: Installation, record: Record) -> None:
    """Evicts and deletes canary pods at weight 50, then the workload's."""
    strategy = canary({"weight": 50, "approval": True})
    with installation.shop(strategy) as shop, installation.load(shop, record) as load:
        commit = shop.push(2)
        shop.at("Step", "Hold")
        _evict(shop, _of(shop, "canary")[:1])
        _whole(shop)
        for side in ("canary", "primary"):
            for pod in _of(shop, side)[: None if side == "canary" else 2]:
                shop.team.delete("Pod", pod)
            _whole(shop)
        shop.at("Step", "Hold")
        record.share(load, 50, installation.count if not installation.quick else 200)
        shop.command(CommandKind.APPROVE)
        promoted(shop, commit, 2)


def _evict(shop: Shop, names: list[str]) -> None:
    for name in names:
        eviction: Object = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": shop.team.namespace},
        }
        shop.team.plane.request("POST", f"/api/v1/namespaces/{shop.team.namespace}/pods/{name}/eviction", eviction)


def _of(shop: Shop, side: str) -> list[str]:
    """The pods of a side that are not on their way out."""
    return [
        str(pod["metadata"]["name"])
        for pod in shop.pods()
        if pod["metadata"].get("labels", {}).get(_VARIANT) == side and "deletionTimestamp" not in pod["metadata"]
    ]


def _whole(shop: Shop) -> None:
    """Waits until all pods and the traffic are restored.

    Those that were deleted are gone.
    """

    def there() -> bool:
        try:
            second, status = shop.second() or {}, shop.status()
        except NotFound:
            return False
        full = all(
            workload["status"].get("availableReplicas") == workload["spec"]["replicas"]
            and workload["status"].get("replicas") == workload["spec"]["replicas"]
            for workload in (second, shop.workload())
            if workload
        )
        leaving = any("deletionTimestamp" in pod["metadata"] for pod in shop.pods())
        return bool(second) and full and not leaving and status.get("weight") == 50 and status.get("stage") == "Hold"  # noqa: PLR2004

    shop.team.until(there, "both sides are whole again")
