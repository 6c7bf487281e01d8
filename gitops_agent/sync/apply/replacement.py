"""Replaces an object with immutable changes: delete, wait, create.

The only deletion that is followed by a creation, so the creation is tried out first: as a dry run under another name, which
proves that the new object would be accepted. Nothing is deleted unless the change in place was refused as immutable just now,
too.
"""

from __future__ import annotations

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Forbidden, Invalid
from gitops_agent.manifest.canonical import copy, digest
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import API_SERVICE
from gitops_agent.sync.apply.errors import NEVER, Immutable, classify

NAMED_BY_CONTENT: frozenset[GroupKind] = frozenset({API_SERVICE})
"""Kinds whose name follows from their content, so that they cannot be tried out under another one."""

_ALLOCATED = ("clusterIP", "clusterIPs", "healthCheckNodePort")


def prove(objects: Objects, body: Object, *, as_user: str | None) -> AgentError | None:
    """The objection to a replacement; None when needed and proved possible.

    Writes nothing.

    Raises:
        AgentError: no answer could be had.
    """
    key = ObjectKey.of(body)
    if key.group_kind in NEVER:
        return Invalid(f"{key.kind} objects are never replaced: what they hold would be lost", code="NotReplaceable")
    try:
        objects.apply(body, dry_run=True, as_user=as_user)
    except AgentError as error:
        refusal = classify(error, key)
        if not isinstance(refusal, Immutable):
            return refusal
    else:
        return Unneeded(f"{key} can be changed in place")
    if key.group_kind in NAMED_BY_CONTENT:
        return None
    try:
        objects.create(_trial(body), dry_run=True, as_user=as_user)
    except (Invalid, Forbidden) as error:
        refusal = classify(error, key)
        if refusal.reason == "QuotaExceeded":
            return None  # the old object still uses what the new one needs
        return Invalid(f"nothing was deleted, because the new {key} would be refused: {refusal}", code="NotReplaceable")
    return None


class Unneeded(AgentError):
    """The change is possible in place after all."""

    reason = "Invalid"


def _trial(body: Object) -> Object:
    result = copy(body)
    name = str(result["metadata"]["name"])
    result["metadata"]["name"] = f"{name[:44].rstrip('-.')}-try-{digest(body)[:8]}"
    if result.get("kind") == "Service" and isinstance(result.get("spec"), dict):
        spec = result["spec"]
        for field in _ALLOCATED:
            if spec.get(field) != "None":
                spec.pop(field, None)
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    return result
