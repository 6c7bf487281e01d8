"""Counts the dependants of a previewed plan's deletions, like the agent."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.preview.owned_objects import owned
from gitops_agent.sync.action import ActionKind
from gitops_agent.sync.live.live_object import observe
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.blast_radius import DependantCounter
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.plan import Plan


def dependants(access: ClusterClient, plan: Plan) -> Mapping[ObjectKey, Dependants]:
    """The dependants of each deletion that the caller may see."""
    live = LiveState()
    live.complete = True
    going = [action.key for action in plan.changes() if action.intent is ActionKind.DELETE]
    applications = [key for key in going if key.group_kind == APPLICATION]
    applications_seen = set(applications)
    while applications:
        key = applications.pop()
        objects, unseen = owned(access, AppKey(key.namespace, key.name))
        live.cannot_see.update(unseen)
        for obj in objects:
            change = live.put(observe(obj))
            if change.key.group_kind == APPLICATION and change.key not in applications_seen:
                applications_seen.add(change.key)
                applications.append(change.key)
    return DependantCounter(access.objects, access.discovery, live).gather(plan)
