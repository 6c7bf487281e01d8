"""The reasons of conditions, events and errors, with remedies and kinds.

A code is a promise to scripts, so each stands here once; a test looks for codes in the package that are not in the table, and
the reference page is printed from it. Whether a reason is a failure is a fact about the reason, so it stands here too, and no
caller keeps a list of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitops_agent.api.reason_texts import TABLE


class ReasonKind(StrEnum):
    """What a reason says about the way to the desired state."""

    PROGRESS = "progress"
    """There, or on the way."""
    WAIT = "wait"
    """Goes on by itself once something else has come or gone."""
    HOLD = "hold"
    """Goes on when a person decides."""
    FAILURE = "failure"
    """Needs a fix before it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason code.

    Attributes:
        code: CamelCase, stable.
        meaning: what it stands for.
        remedy: what a person can do; empty when there is nothing to do.
        kind: whether it is progress, a wait, a hold or a failure.
        transient: whether a failure is retried and may pass without a user's action.
    """

    code: str
    meaning: str
    remedy: str = ""
    kind: ReasonKind = ReasonKind.FAILURE
    transient: bool = False

    @property
    def passes(self) -> bool:
        """Whether it may pass without a user's action."""
        return self.transient or self.kind in (ReasonKind.PROGRESS, ReasonKind.WAIT)


_PROGRESS = frozenset(
    {
        *("Synced", "OutOfSync", "Progressing", "Healthy", "Recovered", "Resumed", "Stable", "RollingOut", "RolloutStep"),
        *(
            "Promoted",
            "Verified",
            "RolloutOver",
            "Approved",
            "Deleted",
            "Pruning",
            "Repaired",
            "RevisionSeen",
            "New",
            "Changed",
            "Adopted",
        ),
        *("Remarked", "MarkUnverified", "Requested", "Shared"),
        *("Controlled", "SourceRecovered", "Fetching", "CreateOnly", "Superseded", "Ready"),
    }
)
_WAIT = frozenset(
    {
        *("Missing", "WaitingFor", "DependencyNotReady", "Terminating", "StillInUse", "NotListed", "CannotSee", "UnknownKind"),
        *("ManagedByAnother", "MayMove", "HandedOver"),
        *("MissingNamespace", "NotFetched", "Suspended", "VariableSourceMissing", "WindowClosed", "DecryptionKeysMissing"),
        *("RemoteBaseMissing", "ChartDependencyMissing"),
    }
)
_HOLD = frozenset(
    {
        "Unverified",
        "HistoryRewritten",
        "ChartRepublished",
        "ChartDependencyUnverified",
        "SignerRemoved",
        "HeldForApproval",
        "AwaitingApproval",
        "RolloutPaused",
        "RolledBack",
        "Observing",
    }
)
_TRANSIENT = frozenset(
    {
        *("WebhookUnavailable", "SourceUnavailable", "RenderTimeout", "Unavailable", "Throttled", "Conflict", "Expired"),
        *("LeadershipLost", "KeyUnavailable"),
    }
)
"""Failures that are tried again; all that is in no set is a failure that lasts."""


def _kind(code: str) -> ReasonKind:
    kinds = ((ReasonKind.PROGRESS, _PROGRESS), (ReasonKind.WAIT, _WAIT), (ReasonKind.HOLD, _HOLD))
    return next((kind for kind, codes in kinds if code in codes), ReasonKind.FAILURE)


REASONS: dict[str, Reason] = {
    code: Reason(code=code, meaning=meaning, remedy=remedy, kind=_kind(code), transient=code in _TRANSIENT)
    for code, meaning, remedy in TABLE
}
"""By code."""


def reason_of(code: str) -> Reason:
    """The reason of a code; an unknown code is a failure."""
    return REASONS.get(code) or Reason(code=code, meaning="")
