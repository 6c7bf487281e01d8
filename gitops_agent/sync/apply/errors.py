"""Classifies errors of the API server: a reason, and what proves it."""

from __future__ import annotations

import re
from typing import Any

from gitops_agent.cluster.error_text import simplify
from gitops_agent.errors import AgentError, ClusterError, Invalid, UnknownKind
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CRD, NAMESPACE, PERSISTENT_VOLUME, SECRET
from gitops_agent.manifest.marks import REPLACE
from gitops_agent.manifest.quantities import malformed
from gitops_agent.sync.apply import removed_apis

REASONS: dict[str, str] = {
    "QuotaExceeded": "QuotaExceeded",
    "WebhookUnavailable": "WebhookUnavailable",
    "NamespaceNotFound": "MissingNamespace",
    "NamespaceTerminating": "MissingNamespace",
    "KindNotServed": "UnknownKind",
}
"""From the transport's codes to reasons; other errors keep the reason of their class."""

NEVER: frozenset[GroupKind] = frozenset(
    {
        NAMESPACE,
        PERSISTENT_VOLUME,
        CRD,
    },
)
"""Kinds that are never replaced, whatever an annotation says: their deletion takes data along."""

_WAITS = frozenset({"MissingNamespace", "UnknownKind"})
_IMMUTABLE = re.compile(
    r"\bimmutable\b|cannot change roleRef|may not change once set|can not be unset"
    r"|updates to [\w ]+ (?:for fields other than .* )?are forbidden",
    re.IGNORECASE,
)
_BARE = re.compile(r'namespaces "[^"]*" not found')
_SECRET_FIELDS = frozenset({"type", "data", "immutable"})


class Immutable(Invalid):
    """The API server refused to change immutable fields.

    Only a new object can have them.
    """

    reason = "Immutable"


def classify(error: AgentError, key: ObjectKey) -> AgentError:
    """Maps an error to a reason; `Immutable` where the causes prove it.

    A kind that no CRD will ever bring is `Invalid` instead of unknown: to wait for it would be to wait for ever.
    """
    if isinstance(error, UnknownKind):
        advice = removed_apis.advice(key.group, key.kind, str(error.facts.get("version")), error.facts.get("served") or ())
        if not advice and removed_apis.is_built_in(key.group) and error.facts.get("version"):
            advice = f"{error}{'' if 'did you mean' in str(error) else ', and no CRD adds kinds to this group'}"
        return Invalid(advice, code="VersionRetired") if advice else error
    if not isinstance(error, ClusterError):
        return error
    fields = immutable_fields(error, key)
    if fields and not isinstance(error, Immutable):
        proved = Immutable(
            f"{', '.join(fields)} cannot be changed in place ({simplify(str(error))}): {_way_out(key)}",
            status=error.status,
            code=error.code,
            details=error.details,
        )
        proved.facts["fields"] = list(fields)
        return proved
    if error.code == "NamespaceNotFound" and _BARE.fullmatch(error.message):
        error.message = (
            f"namespace {key.namespace} does not exist: declare it, or set spec.destination.createNamespace where it is the "
            "destination"
        )
    if error.code == "SchemaViolation" and key.group_kind == SECRET:
        causes = error.details.get("causes") or ()
        wrong = [str(cause["field"]) for cause in causes if str(cause.get("field")).startswith("data.")]
        if wrong:
            advice = "quote it, and write it in base64 under data or as it is under stringData"
            error.message = f"{', '.join(wrong)}: expected a string; {advice}"
    error.reason = REASONS.get(error.code, error.reason)
    if error.reason in _WAITS:
        error.transient = True
    return error


def describe(error: AgentError, obj: Object | None) -> str:
    """The error in one line for the author of the object.

    With the fields that the server leaves out.
    """
    text = simplify(str(error))
    if obj is not None and "quantities must match" in text:
        fields = [
            f"{field}: {str(value)[:40]!r} is not a quantity, such as 500m, 2 or 128Mi" for field, value in malformed(obj)
        ]
        return "; ".join(fields) or text
    return text


def _way_out(key: ObjectKey) -> str:
    anew = f"annotate the object with {REPLACE}: on-immutable to have it deleted and created anew, or "
    return f"{'' if key.group_kind in NEVER else anew}give it another name"


def immutable_fields(error: ClusterError, key: ObjectKey) -> tuple[str, ...]:
    """The immutable fields a refusal names; empty unless every cause does.

    The server's words about a Secret are not kept, so the fields themselves have to identify it.
    """
    if not isinstance(error, Invalid) or error.code == "SchemaViolation":
        return ()  # a value of the wrong type is wrong in a new object as well
    causes: list[dict[str, Any]] = [cause for cause in error.details.get("causes") or () if isinstance(cause, dict)]
    if not causes or any(not cause.get("field") for cause in causes):
        return ()
    fields = tuple(dict.fromkeys(str(cause["field"]) for cause in causes))
    if key.group == "" and key.kind == "Secret":
        return fields if all(field.partition("[")[0].partition(".")[0] in _SECRET_FIELDS for field in fields) else ()
    return fields if all(_IMMUTABLE.search(str(cause.get("message") or "")) for cause in causes) else ()
