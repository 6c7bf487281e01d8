"""Decides when the last healthy commit replaces a degraded one. Pure.

A commit is on trial from its arrival until its objects were healthy once. One that is Degraded on trial is rejected: the last
healthy commit is applied instead, until Git declares something else or a user asks for another try. What was healthy once is
never rejected: its objects became Degraded for another reason than this commit. Nor is a commit that arrives while objects
are Degraded already, since it may be the correction.

Commits are compared by what they declare. A commit of a shared repository that changes nothing here is as good or as bad as
the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp

KEPT = 10
"""Rejected commits that the status shows."""

_REASON_LIMIT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a commit declares.

    Attributes:
        commit: the newest commit that declares it.
        content: digest of the rendered objects.
    """

    commit: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A commit that was rejected.

    Attributes:
        commit: which one.
        reason: the object that was Degraded, and why.
        at: aware, UTC.
        together: the Application of the group that rejected it; empty where it was this one.
    """

    commit: str
    reason: str
    at: datetime
    together: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackState:
    """Where an application stands; the default knows nothing.

    Attributes:
        head: content of the newest commit that was followed.
        on_trial: `head` was not healthy yet and may be rejected.
        held: `head` is rejected, so `healthy` is applied in its place.
        healthy: what was healthy last.
        previous: what was healthy before that.
        rejected: newest first.
        retried: the last request for another try that was taken up.
    """

    head: str = ""
    on_trial: bool = False
    held: bool = False
    healthy: Version | None = None
    previous: Version | None = None
    rejected: tuple[Rejection, ...] = ()
    retried: str = ""

    @property
    def replacement(self) -> Version | None:
        """What is applied in place of the newest commit, if anything."""
        return self.healthy if self.held else None

    @property
    def follows(self) -> str:
        """The Application that rejected the newest commit, unless this one did."""
        return self.rejected[0].together if self.held and self.rejected else ""

    def follow(self, head: Version, *, degraded: bool) -> RollbackState:
        """Takes note of what the newest commit declares.

        Args:
            head: that commit.
            degraded: objects are Degraded before anything of it is applied.
        """
        if head.content == self.head:
            return self
        changes = self.healthy is not None and head.content != self.healthy.content
        return replace(self, head=head.content, held=False, on_trial=changes and not degraded)

    def settle(self, head: Version) -> RollbackState:
        """Registers that the newest commit is applied and healthy."""
        if self.held or self.healthy == head:
            return self
        if self.healthy is None or self.healthy.content == head.content:
            return replace(self, healthy=head, on_trial=False)
        return replace(self, healthy=head, previous=self.healthy, on_trial=False)

    def reject(self, head: Version, reason: str, at: datetime) -> RollbackState:
        """Rejects the newest commit, while it is on trial."""
        if not self.on_trial or self.healthy is None:
            return self
        return replace(self, held=True, on_trial=False, rejected=self._with(head, reason, at))

    def reject_together(self, head: Version, reason: str, at: datetime, *, by: str) -> RollbackState:
        """Rejects the newest commit because of another application's objects.

        What was healthy here gives way to what was healthy before, if that is known.

        Args:
            head: the newest commit.
            reason: the object that was Degraded there, and why.
            at: when it was rejected there.
            by: the name of that application.
        """
        if self.healthy is None:
            return self
        rejected = self._with(head, f"Application {by} rejected it: {reason}", at, by)
        if self.on_trial:
            return replace(self, held=True, on_trial=False, rejected=rejected)
        if self.held or self.previous is None or self.healthy.content != head.content:
            return self
        return replace(self, held=True, healthy=self.previous, previous=None, rejected=rejected)

    def release(self) -> RollbackState:
        """Tries the newest commit again, as its group does."""
        return replace(self, held=False, on_trial=True) if self.held else self

    def retry(self, request: str) -> RollbackState:
        """Puts a rejected commit on trial again, once for each request."""
        if not request or request == self.retried:
            return self
        return replace(self, retried=request, held=False, on_trial=self.held or self.on_trial)

    def _with(self, head: Version, reason: str, at: datetime, together: str = "") -> tuple[Rejection, ...]:
        moment = at.astimezone(UTC).replace(microsecond=0)
        entry = Rejection(commit=head.commit, reason=reason[:_REASON_LIMIT], at=moment, together=together)
        return (entry, *self.rejected)[:KEPT]

    def to_json(self) -> Object:
        """As in the status, without what is empty."""
        result: dict[str, Any] = {
            "head": self.head,
            "onTrial": self.on_trial,
            "held": self.held,
            "healthy": _version_json(self.healthy),
            "previous": _version_json(self.previous),
            "rejected": [_rejection_json(entry) for entry in self.rejected],
            "retried": self.retried,
        }
        return {name: value for name, value in result.items() if value}

    @classmethod
    def from_json(cls, value: Object) -> RollbackState:
        """Reads a status; what is damaged counts as absent."""
        return cls(
            head=_text(value.get("head")),
            on_trial=value.get("onTrial") is True,
            held=value.get("held") is True,
            healthy=_version(value.get("healthy")),
            previous=_version(value.get("previous")),
            rejected=tuple(entry for item in _items(value.get("rejected")) if (entry := _rejection(item)) is not None),
            retried=_text(value.get("retried")),
        )


def _version_json(version: Version | None) -> Object:
    return {"revision": version.commit, "content": version.content} if version is not None else {}


def _version(value: Any) -> Version | None:
    if not isinstance(value, dict):
        return None
    commit, content = _text(value.get("revision")), _text(value.get("content"))
    return Version(commit=commit, content=content) if commit and content else None


def _rejection_json(entry: Rejection) -> Object:
    at = timestamp(entry.at)
    together = {"together": entry.together} if entry.together else {}
    return {"revision": entry.commit, "reason": entry.reason, "at": at, **together}


def _rejection(value: Object) -> Rejection | None:
    try:
        at = datetime.fromisoformat(_text(value.get("at")))
    except ValueError:
        return None
    commit, reason, together = (_text(value.get(name)) for name in ("revision", "reason", "together"))
    return Rejection(commit=commit, reason=reason, at=at, together=together)


def _items(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
