"""What an Application's status says of signatures. Pure.

The last verified commit is in the status because it has to outlive the agent and its cache: trust goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.api.conditions import find_condition
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.source.signature.judgement import MOST_LISTED

VERIFIED, SIGNER_REMOVED = "Verified", "SignerRemoved"
SIGNATURE_CONDITIONS = frozenset({VERIFIED, SIGNER_REMOVED})
_TEXT_LIMIT = 500


def signature_conditions(before: list[Object], outcome: ReconcileOutcome) -> Iterator[tuple[str, bool | None, str, str]]:
    """The conditions of a judgement: (type, value, reason, message).

    The message of a good one names no commit, so that a commit alone changes no status.
    """
    judgement = outcome.judgement
    if not outcome.demanded or judgement is None:
        return
    if judgement.reason:
        yield VERIFIED, False, judgement.reason, judgement.message
    else:
        yield VERIFIED, True, VERIFIED, "the commit that is followed is verified"
    if judgement.removed:
        yield SIGNER_REMOVED, True, SIGNER_REMOVED, judgement.removed
    elif find_condition(before, SIGNER_REMOVED) is not None:
        yield SIGNER_REMOVED, False, VERIFIED, "the signer of what runs is trusted"


def signature_status(before: Object, outcome: ReconcileOutcome) -> Object:
    """The fields `verified` and `unverified` of the source's status."""
    judgement = outcome.judgement
    if not outcome.demanded:
        return {}
    if judgement is None:
        old = before.get("source")
        return {name: old[name] for name in ("verified", "unverified") if name in old} if isinstance(old, dict) else {}
    result: Object = {}
    verified = judgement.verified
    if verified is not None:
        fields = {
            "revision": verified.revision,
            "ref": verified.ref,
            "signer": verified.signer,
            "key": verified.key,
            "kind": verified.kind,
            "at": timestamp(verified.at),
        }
        result["verified"] = {name: value for name, value in fields.items() if value}
    if judgement.count:
        listed = judgement.unverified[:MOST_LISTED]
        commits = [{"commit": each.commit, "author": each.author, "reason": each.reason[:_TEXT_LIMIT]} for each in listed]
        result["unverified"] = {"count": judgement.count, "commits": commits}
        if judgement.approval:
            result["unverified"]["approval"] = judgement.approval
    return result
