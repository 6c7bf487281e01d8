"""Handing a workload's replicas to its autoscaler without touching their number.

Server-side apply takes a field away when its only owner stops declaring it, and `spec.replicas` then falls back to 1: adding an
autoscaler to a Deployment of forty pods would first remove thirty-nine of them. So before the apply that leaves the number out,
a second field manager declares the number that is live (the way the Kubernetes documentation describes); from then on the
autoscaler's writes take it over.
"""

from __future__ import annotations

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, NotFound
from gitops_agent.manifest.fields import owned
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import FIELD_MANAGER
from gitops_agent.sync.action import Action
from gitops_agent.sync.autoscalers import targets
from gitops_agent.sync.planning.plan import Plan

HOLDER = "gitops-agent-replicas"
"""The field manager that holds the number between our last apply and the autoscaler's first."""


def leaves_out(action: Action, plan: Plan, scaled: frozenset[ObjectKey] | None) -> bool:
    """Whether this apply may stop declaring the replicas of an autoscaled workload.

    Args:
        action: the apply.
        plan: its autoscalers count as well.
        scaled: the workloads that live autoscalers scale; None when that is not known, so that each may be one.
    """
    if action.live is None or action.manifest is None or action.live.digest == action.manifest.digest:
        return False
    spec = action.manifest.obj.get("spec")
    if not isinstance(spec, dict) or "replicas" in spec or "template" not in spec:
        return False
    return (
        scaled is None
        or action.key in scaled
        or action.key in targets(other.manifest.obj for other in plan.actions if other.manifest is not None)
    )


def hold(objects: Objects, key: ObjectKey, *, as_user: str | None) -> bool:
    """Moves the replicas we own to the second field manager.

    Declares the live number, and returns whether that was needed.

    Raises:
        ClusterError: the server refused or gave no answer.
    """
    try:
        live = objects.get(key, as_user=as_user)
    except NotFound:
        return False
    replicas = (live.get("spec") or {}).get("replicas")
    ours = owned(live, FIELD_MANAGER) or {}
    if replicas is None or "f:replicas" not in (ours.get("f:spec") or {}):
        return False
    body: Object = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        # Without the resource version: a status written meanwhile is no conflict, another owner of the number is.
        "metadata": {"name": key.name, "namespace": key.namespace},
        "spec": {"replicas": replicas},
    }
    try:
        objects.apply(body, force=False, field_manager=HOLDER, as_user=as_user)
    except Conflict:
        # Scaled in this very moment: the autoscaler owns the number already, which is all that was wanted.
        return False
    return True
