"""A plan in a sentence, and the signs of its actions."""

from __future__ import annotations

from gitops_agent.sync.action import ActionKind
from gitops_agent.sync.desired import LEFT_OUT
from gitops_agent.sync.planning.plan import Plan

SIGNS = {ActionKind.CREATE: "+", ActionKind.UPDATE: "~", ActionKind.REPLACE: "!", ActionKind.DELETE: "-"}
"""Of the actions that change the cluster."""


def plan_summary(plan: Plan) -> str:
    """How many objects a plan creates, updates, replaces and deletes."""
    shown = [action for action in plan.changes() if action.intent in SIGNS]
    counts = {kind: sum(1 for action in shown if action.intent is kind) for kind in SIGNS}
    text = ", ".join(f"{count} to {kind.value}" for kind, count in counts.items() if count)
    if text:
        return f"plan {plan.hash[:12]}: {text}"
    declared = sum(1 for action in plan.actions if action.manifest is not None and action.reason not in LEFT_OUT)
    return f"no differences: {declared} objects are as {plan.revision.short or 'the directory'} declares"
