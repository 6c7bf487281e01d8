"""Reads the approval of a plan from annotations or a commit. Pure.

Problem: who may write to the repository may not be who may approve, and a name that a client writes proves nothing. Decision:
only the annotation of the Application counts, so RBAC decides, unless the administrator lets commits approve as well. An
annotation that the agent itself applied from Git is the repository's word, not a user's. The approver is recorded as claimed by
the client; the audit log of the API server is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.api.application import Application
from gitops_agent.api.approval_annotation import applied_from_git
from gitops_agent.manifest.marks import APPROVED, APPROVED_BY, APPROVED_VIA
from gitops_agent.revision.revision import Revision

ANNOTATION, TRAILER, APPLICATION_ABOVE = "annotation", "trailer", "application "
"""How a plan is approved; the last one is followed by the Application whose approval covers it."""
_TRAILER = "gitops-agent-approve:"
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An approval as it was written.

    Attributes:
        plan: the approved hash, or its first digits.
        by: the approver as claimed by the client, or the author of the commit; empty without a name.
        via: `annotation` or `trailer`.
    """

    plan: str
    by: str = ""
    via: str = ANNOTATION


def granted(application: Application, revision: Revision, *, trailers: bool) -> Grant | None:
    """The approval in force, None without one.

    Args:
        application: whose annotations are read.
        revision: whose message may approve.
        trailers: whether a commit may approve.
    """
    plan = application.annotations.get(APPROVED, "").strip()
    if plan and (trailers or not applied_from_git(application.raw.get("metadata") or {})):
        by, via = (_claimed(application.annotations.get(name, ""), plan) for name in (APPROVED_BY, APPROVED_VIA))
        return Grant(plan=plan, by=f"{by} ({via})" if by and via else by)
    named = trailer(revision.message) if trailers else None
    return Grant(plan=named, by=f"commit {revision.short} of {revision.author}", via=TRAILER) if named else None


def trailer(message: str) -> str | None:
    """Hash in a commit message's `Gitops-Agent-Approve:` trailer.

    The trailer is in the last paragraph.
    """
    for line in reversed(message.strip().rpartition("\n\n")[2].splitlines()):
        if line.lower().startswith(_TRAILER):
            return line[len(_TRAILER) :].strip() or None
    return None


def _claimed(text: str, plan: str) -> str:
    """The approver, empty when the claim is about another plan."""
    claimed, _, user = text.strip().partition(" ")
    if not claimed or not (claimed.startswith(plan) or plan.startswith(claimed)):
        return ""
    return "".join(letter for letter in " ".join(user.split()) if letter.isprintable())[:_LONGEST_NAME]
