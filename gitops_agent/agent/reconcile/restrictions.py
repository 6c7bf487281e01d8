"""Restricts plans: turns forbidden writes into skips and waits. Pure.

A pause, an older commit or a refusal of the API server forbids writes.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace

from gitops_agent.agent.desired.prune_barrier import Absence
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import MAY_MOVE, Action, ActionKind
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.policy import APPROVAL_DIGITS

_HELD_BACK = "not applied, because other objects of this revision are refused (errorPolicy: atomic)"
_UNANSWERED = "not applied yet, because the API server did not answer the dry run of this revision; tried again"


def only(plan: Plan, allowed: Callable[[Action], bool], why: str) -> Plan:
    """The plan with a skip and a reason per forbidden write."""
    if all(allowed(action) for action in plan.writes):
        return plan
    actions = tuple(
        action if not action.writes or allowed(action) else replace(action, kind=ActionKind.SKIP, message=why)
        for action in plan.actions
    )
    return replace(plan, actions=actions)


def hold_back(plan: Plan, *, answered: bool = True) -> tuple[Plan, frozenset[ObjectKey]]:
    """The plan with only rollouts' writes, and the objects held back.

    Traffic must be able to leave a bad version whatever else is wrong.

    Args:
        plan: the plan.
        answered: the API server refused something, and did not merely fail to answer.
    """
    held = frozenset(action.key for action in plan.writes if not action.rollout)
    return only(plan, lambda action: action.rollout, _HELD_BACK if answered else _UNANSWERED), held


def defer_deletions(plan: Plan, absence: Absence) -> Plan:
    """The plan in which deletions wait for one that may take over."""
    name = absence.application.name
    why = f"waits for Application {name}, which {absence.why}: it may take this object over"
    return _instead_of_deletions(plan, ActionKind.WAIT, "WaitingFor", why)


def leave_behind(plan: Plan, absence: Absence) -> Plan:
    """The plan that deletes nothing an absent application may declare."""
    name = absence.application.name
    approve = f"gitops-agent approve {plan.application.name} {plan.hash[:APPROVAL_DIGITS]}"
    why = f"kept, because Application {name} {absence.why} and may declare it; to delete it now: {approve}"
    return _instead_of_deletions(plan, ActionKind.SKIP, MAY_MOVE, why)


def _instead_of_deletions(plan: Plan, kind: ActionKind, reason: str, message: str) -> Plan:
    """The plan without deletions, but for those of rollouts."""
    actions = tuple(
        replace(action, kind=kind, reason=reason, message=message) if deletes(action) else action for action in plan.actions
    )
    return replace(plan, actions=actions)


def without(plan: Plan, refused: Container[ObjectKey]) -> Plan:
    """The plan without refused objects; those that depend on one keep waiting."""
    actions = tuple(
        replace(action, kind=ActionKind.WAIT, message="its dry run failed") if action.key in refused else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)


def deletes(action: Action) -> bool:
    """Whether an action deletes an object, and not for a rollout."""
    return action.kind is ActionKind.DELETE and not action.rollout
