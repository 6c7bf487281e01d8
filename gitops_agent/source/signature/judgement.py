"""What signatures demand of a reference, and which commit may be followed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gitops_agent.api.source_options import RefKind, Verify
from gitops_agent.revision.revision import Revision

MOST_LISTED = 10
"""Unverified commits that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The last commit that was verified, as in the status.

    Attributes:
        revision: the commit.
        ref: what was followed then, such as `branch main`.
        signer: the principal or user ID; empty where trust begins by `since` or by what was applied.
        key: the whole fingerprint.
        kind: `OpenPGP`, `SSH`, or empty.
        at: when it was judged first, aware, UTC.
    """

    revision: str
    ref: str = ""
    signer: str = ""
    key: str = ""
    kind: str = ""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedCommit:
    """A commit that is not followed, and why."""

    commit: str
    author: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag that may be followed.

    Attributes:
        name: without `refs/tags/`.
        object: what it points at: its own object, or the commit for a lightweight one.
        commit: which it leads to.
    """

    name: str
    object: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A reference, and what is demanded of it.

    Attributes:
        verify: the demand.
        name: of the reference for people, such as `main`.
        kind: of the reference.
        tip: the commit it leads to.
        tags: the tags behind it, the preferred first.
        before: what was verified last; None without it.
        applied: the commit that is applied; empty before the first.
        approved: hash that a person approved; empty without one.
    """

    verify: Verify
    name: str
    kind: RefKind
    tip: str
    tags: tuple[Tag, ...] = ()
    before: Verified | None = None
    applied: str = ""
    approved: str = ""

    @property
    def ref(self) -> str:
        """The reference as the status records it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Which commit is followed, and what is wrong with the newer ones.

    Attributes:
        commit: the one to follow; empty when none may be.
        verified: what the status records; None when no commit was ever verified.
        reason: `Unverified`, `HistoryRewritten`, or why nothing new is accepted; empty when the tip is followed.
        message: for people; empty likewise.
        count: commits that are not followed.
        unverified: the first of them.
        stop: the commit that stops the line; None without one.
        removed: what runs was signed by a key that is no longer trusted, in words; empty when it was not.
        approval: hash by which a person accepts a rewritten history; empty when there is nothing to accept.
        note: what a user should know though nothing waits for it, such as a tag that takes no part.
        unfinished: the walk was cut short and continues.
    """

    commit: str = ""
    verified: Verified | None = None
    reason: str = ""
    message: str = ""
    count: int = 0
    unverified: tuple[UnverifiedCommit, ...] = ()
    stop: Revision | None = None
    removed: str = ""
    approval: str = ""
    note: str = ""
    unfinished: bool = False
