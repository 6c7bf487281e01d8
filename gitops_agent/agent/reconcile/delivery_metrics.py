"""Exports what a status says of deployments.

Counts are exported as they are; a span is observed at the edge that ends it, after the status with the edge was written.
"""

from __future__ import annotations

from datetime import datetime

from gitops_agent.agent.reconcile.delivery import Delivery
from gitops_agent.api.status import seconds_between
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.observe.deployments import DEPLOYMENTS, LEAD_SECONDS, RECOVERY_SECONDS


def show(key: AppKey, status: Object) -> None:
    """Exports the counts of an Application, and when it was deployed last."""
    raw = status.get("delivery") or {}
    if not raw:
        return
    last = next((moment for entry in status.get("history") or () if (moment := entry.get("live"))), raw.get("live"))
    DEPLOYMENTS.record(key.namespace, key.name, raw.get("deployments") or {}, _unix(last))


def observe(key: AppKey, before: Object, after: Object) -> None:
    """Observes the spans that ended between two written statuses."""
    old, new = (Delivery.from_json(status.get("delivery") or {}) for status in (before, after))
    lead = seconds_between(new.committed_at, new.live)
    if lead is not None and (old.revision, old.live) != (new.revision, new.live):
        LEAD_SECONDS.labels(key.namespace).observe(lead)
    if old.broken and not new.broken:
        moments = [str(entry.get("recovered") or "") for entry in after.get("history") or ()] + [new.live]
        recovery = seconds_between(old.broken, min((moment for moment in moments if moment >= old.broken), default=""))
        if recovery is not None:
            RECOVERY_SECONDS.labels(key.namespace).observe(recovery)


def _unix(moment: object) -> float:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0
