"""Whether an agent runs, by its Lease.

An application that no agent has ever reconciled stays as it is for ever, so commands that wait for it ask for the Lease first.
An agent without leader election holds none; its work shows in the status instead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import ClusterError, NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp

NAME = "gitops-agent"
"""The Lease of an agent, unless `leader.leaseName` says otherwise."""

_SKEW = timedelta(seconds=60)
"""What clocks of nodes may differ by."""


def absence(access: ClusterClient) -> str:
    """Why no agent seems to run.

    Empty when one does, or when the Lease cannot be read.
    """
    name = f"{access.namespace}/{NAME}"
    try:
        lease = access.transport.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{access.namespace}/leases/{NAME}")
    except NotFound:
        return f"no agent runs: there is no Lease {name}"
    except ClusterError:
        return ""
    return expired(lease, name, datetime.now(UTC))


def expired(lease: Object, name: str, now: datetime) -> str:
    """Why a Lease has no live holder; empty while one renews it."""
    spec = lease.get("spec") or {}
    if not spec.get("holderIdentity"):
        return f"no agent runs: the Lease {name} has no holder"
    try:
        renewed = datetime.fromisoformat(str(spec.get("renewTime")))
    except ValueError:
        return ""
    if now - renewed <= timedelta(seconds=float(spec.get("leaseDurationSeconds") or 0)) + _SKEW:
        return ""
    return f"no agent runs: the Lease {name} was last renewed at {timestamp(renewed)}"
