"""Dry-runs all changes of a revision before the first write.

A refusal is only counted when it says something about the object that will still be true in its turn. What depends on other
parts of the same plan (its CRD, its namespace, a quota or role that is changed with it), or on a webhook that is down right
now and may be repaired by this very plan, is left to the real attempt. So is an object whose dry run got no answer in time,
unless none got one: then the API server is gone, and nothing would come of the attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitops_agent.errors import AgentError, ClusterError, Throttled, Unavailable
from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.manifest.kinds import CRD, NAMESPACE
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.planning.plan import Plan

_WAITS = frozenset({"UnknownKind", "MissingNamespace", "WebhookUnavailable", "CannotSee"})
_NO_DRY_RUN = "does not support dry run"
ACCESS = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
"""Kinds that widen what an account may do."""


def candidates(plan: Plan) -> tuple[Action, ...]:
    """The actions worth a dry run.

    New content whose kind and namespace are not created by the same plan.
    """
    kinds = frozenset(
        kind
        for action in plan.writes
        if action.key.group_kind == CRD and action.manifest is not None
        for kind in _defined(action.manifest.obj)
    )
    namespaces = frozenset(
        action.key.name
        for action in plan.actions
        if action.key.group_kind == NAMESPACE and action.live is None and action.intent is ActionKind.CREATE
    )
    return tuple(
        action
        for action in plan.writes
        if action.kind in (ActionKind.CREATE, ActionKind.UPDATE)
        and not action.drift
        and action.key.group_kind not in kinds
        and action.key.namespace not in namespaces
    )


def verdicts(plan: Plan, answers: Mapping[ObjectKey, AgentError], *, impersonated: bool) -> dict[ObjectKey, AgentError]:
    """The refusals that count.

    Args:
        plan: what was asked about.
        answers: every refusal, with its reason.
        impersonated: the calls were made as a ServiceAccount, whose permissions the plan itself may widen.
    """
    changed = {action.key.kind for action in plan.writes if action.manifest is not None}
    quota = "ResourceQuota" in changed
    access = impersonated and bool(ACCESS & changed)
    return {key: error for key, error in answers.items() if counts(error, quota=quota, access=access)}


def ask(
    plan: Plan,
    *,
    dry_run: Callable[[Action], AgentError | None],
    spread: Callable[[Callable[[Action], AgentError | None], tuple[Action, ...]], list[AgentError | None]],
    impersonated: bool,
) -> dict[ObjectKey, AgentError]:
    """Asks about all candidates and returns the refusals that count.

    Args:
        plan: whose changes.
        dry_run: asks about one and returns the refusal, if any.
        spread: maps a function over actions in parallel, keeping their order.
        impersonated: see `verdicts`.
    """
    actions = candidates(plan)
    answers = spread(dry_run, actions)
    refused = {action.key: error for action, error in zip(actions, answers, strict=True) if error is not None}
    if len(refused) > sum(map(unanswered, refused.values())) or len(refused) < len(actions):
        refused = {key: error for key, error in refused.items() if not unanswered(error)}
    return verdicts(plan, refused, impersonated=impersonated)


def unanswered(error: AgentError) -> bool:
    """Whether the API server gave no answer, or asked for patience.

    That is no refusal: it says nothing about the object.
    """
    return isinstance(error, Unavailable | Throttled) and error.reason not in _WAITS


def counts(error: AgentError, *, quota: bool, access: bool) -> bool:
    """Whether a refusal will still be true in the object's turn.

    Args:
        error: the refusal.
        quota: a quota is changed by the same commit.
        access: so are permissions of the account that applies.
    """
    if error.reason in _WAITS or _NO_DRY_RUN in str(error):
        return False
    if error.reason == "QuotaExceeded":
        return not quota
    if isinstance(error, ClusterError) and error.reason == "Forbidden":
        return not access
    return True


def _defined(crd: Mapping[str, Any]) -> tuple[GroupKind, ...]:
    spec = crd.get("spec") or {}
    return (GroupKind(str(spec.get("group")), str((spec.get("names") or {}).get("kind"))),)
