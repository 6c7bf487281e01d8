"""What is kept of a commit until its status is final.

It is kept in the status of the Notifier, so that the next leader neither repeats a status nor leaves one pending for ever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.notify.commit_status import CommitState, is_commit
from gitops_agent.notify.commit_status_parts import Part, Standing, deployment, overtaken, summary

KEPT_APPLICATIONS = 300
"""Applications of one commit that are kept by name; those of a larger one are compared again after a restart."""

WHOLE = ""
"""The name of the status of a commit as a whole, among those of its Applications."""

DEPLOYMENT = "/"
"""The name of the state of its deployment; no Application is called so."""


@dataclass(slots=True, kw_only=True)
class CommitRecord:
    """One commit of one repository.

    Attributes:
        repository: the URL, without credentials.
        commit: the full object name.
        since: when it was first seen, aware, UTC.
        refs: what led to it, with the commit that led there before; empty for none.
        parts: the Applications it touched, by name.
        waiting: those that were not compared yet.
        unseen: those of which nothing is known since a restart.
        statuses: what was sent last, by name: a state and a digest of its line.
        sent: when something was sent last.
        resolved: since when nothing of it is on its way; None while something is.
        restored: it was kept by an earlier process; what was sent holds until as much is known again.
        compared: the Applications that it touched are known by name; false only until their stream is followed again.
        closed: nothing about it changes any more.
        deployment: the id of its deployment at the forge.
        refused: the forge does not take a status for it.
        passed: the reference led further already when it was first noticed, so it comes live with a later commit.
        lost: no later commit holds it, or is waited for.
    """

    repository: str
    commit: str
    since: datetime
    refs: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)
    sent: datetime | None = None
    resolved: datetime | None = None
    restored: bool = False
    compared: bool = True
    closed: bool = False
    deployment: str = ""
    refused: bool = False
    passed: bool = False
    lost: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it."""
        return self.repository, self.commit

    @property
    def holds(self) -> bool:
        """Whether less is known than before a restart; nothing is sent then."""
        return self.closed or bool(self.unseen) or not self.compared or (self.restored and bool(self.statuses and self.waiting))

    def whole(self) -> tuple[CommitState, str]:
        """The state of the whole commit, and one line about it."""
        return summary(self.parts, waiting=len(self.waiting))

    def deployed(self) -> tuple[CommitState, str]:
        """The state of its deployment, and one line about it."""
        return deployment(self.parts, waiting=len(self.waiting))

    def lose(self, by: str) -> None:
        """Notes that no later commit which holds it is waited for.

        Args:
            by: the commit that took its place, where none did before.
        """
        self.lost = True
        self.parts = {name: overtaken(part, part.by or by, lost=True) for name, part in self.parts.items()}

    def settle(self, now: datetime) -> None:
        """Notes since when nothing is on its way."""
        moving = bool(self.waiting) or any(part.standing is Standing.PENDING for part in self.parts.values())
        self.resolved = None if moving else self.resolved or now

    def to_json(self) -> Object:
        """As kept in a status."""
        named = {} if self.closed or len(self.parts) > KEPT_APPLICATIONS else self.parts
        value: Object = {
            "repository": self.repository,
            "commit": self.commit,
            "since": timestamp(self.since),
            "sent": timestamp(self.sent) if self.sent is not None else "",
            "refs": dict(self.refs),
            "statuses": dict(self.statuses),
            "applications": {name: _spelled(part) for name, part in named.items()},
            "compared": self.compared and not self.waiting and len(named) == len(self.parts),
            "closed": self.closed,
            "deployment": self.deployment,
            "refused": self.refused,
            "passed": self.passed,
            "lost": self.lost,
        }
        return {name: part for name, part in value.items() if part}

    @classmethod
    def from_json(cls, value: Object) -> CommitRecord:
        """The record that was kept.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            parts = {str(name): _part(str(spelled)) for name, spelled in (value.get("applications") or {}).items()}
            if not is_commit(str(value["commit"])):
                raise ValueError("not a commit")
            statuses = {str(name): str(sent) for name, sent in (value.get("statuses") or {}).items()}
            compared = value.get("compared") is True
            over = not compared and statuses.get(WHOLE, "").partition(" ")[0] in (CommitState.SUCCESS, CommitState.SUPERSEDED)
            return cls(
                repository=str(value["repository"]),
                commit=str(value["commit"]),
                since=datetime.fromisoformat(value["since"]).astimezone(UTC),
                sent=datetime.fromisoformat(value["sent"]).astimezone(UTC) if value.get("sent") else None,
                refs={str(ref): str(previous) for ref, previous in (value.get("refs") or {}).items()},
                statuses=statuses,
                parts=parts,
                unseen={name for name, part in parts.items() if not part.by},
                restored=True,
                compared=compared or over,
                closed=value.get("closed") is True or over,
                deployment=str(value.get("deployment") or ""),
                refused=value.get("refused") is True,
                passed=value.get("passed") is True,
                lost=value.get("lost") is True,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a commit: {error}") from None


def digest(state: CommitState, description: str) -> str:
    """Identifies a status that was sent."""
    return f"{state.value} {hashlib.sha256(description.encode()).hexdigest()[:8]}"


def _spelled(part: Part) -> str:
    """A standing, `+` once live, the commit after it, and the word."""
    words = [f"{part.standing.value}{'+' if part.was_live else ''}", part.by or "-", part.word]
    return " ".join(words).strip()


def _part(spelled: str) -> Part:
    standing, _, rest = spelled.partition(" ")
    by, _, word = rest.partition(" ")
    return Part(
        standing=Standing(standing.rstrip("+")), was_live=standing.endswith("+"), by=by if is_commit(by) else "", word=word
    )
