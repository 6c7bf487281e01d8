"""What became of a commit in each Application that it touched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gitops_agent.manifest.revision_name import short
from gitops_agent.notify.commit_status import CommitState

UNAFFECTED = "nothing here is affected"
_NAMES = 60
"""Characters of a list of names, so that two lists fit into a description."""


class Standing(StrEnum):
    """How far a commit is in one Application."""

    PENDING = "pending"
    LIVE = "live"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of one Application since its last reconcile.

    Attributes:
        commit: the newest one that it knows.
        standing: of what that commit declares.
        word: for a standing that a person should know of, such as `degraded`.
        text: why.
        refused: the commit is not followed at all, for its signature.
        live: the newest commit at which it was live; it may have been so between two looks.
    """

    commit: str
    standing: Standing
    word: str = ""
    text: str = ""
    refused: bool = False
    live: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Application that a commit touched.

    Attributes:
        standing: as last seen.
        word: see `Sight`.
        text: see `Sight`.
        was_live: it was live once; what is on its way afterwards is no news of this commit.
        by: the later commit that touched the Application too; nothing changes here from then on, unless it is still pending:
            then it comes live with that one, or one after it.
    """

    standing: Standing = Standing.PENDING
    word: str = ""
    text: str = ""
    was_live: bool = False
    by: str = ""

    @property
    def carried(self) -> bool:
        """Whether it came live with a later commit, `by`."""
        return self.standing is Standing.LIVE and bool(self.by) and not self.was_live

    @property
    def state(self) -> CommitState:
        """As a state of a commit."""
        return _STATES[self.standing]

    @property
    def description(self) -> str:
        """One line about this Application alone."""
        if self.standing is Standing.SUPERSEDED:
            return f"superseded by {short(self.by)}"
        if self.carried:
            return f"live with {short(self.by)}"
        if self.by and self.standing is Standing.PENDING:
            return _waiting_for(self.by)
        word = self.word or _WORDS[self.standing]
        return f"{word}: {self.text}" if self.text and self.standing is not Standing.LIVE else word


_STATES = {
    Standing.PENDING: CommitState.PENDING,
    Standing.LIVE: CommitState.SUCCESS,
    Standing.FAILED: CommitState.FAILURE,
    Standing.SUPERSEDED: CommitState.SUPERSEDED,
}
_WORDS = {Standing.PENDING: "on its way", Standing.LIVE: "live", Standing.FAILED: "failed", Standing.SUPERSEDED: "superseded"}


def overtaken(part: Part, by: str, *, lost: bool) -> Part:
    """A part of a commit after a later one touched the Application.

    Args:
        part: before that.
        by: the later commit.
        lost: nothing that comes live holds the earlier one.
    """
    if part.standing is not Standing.PENDING:
        return replace(part, by=by)
    return replace(part, by=by, word="", text="", standing=Standing.SUPERSEDED if lost else Standing.PENDING)


def deployment(parts: Mapping[str, Part], *, waiting: int) -> tuple[CommitState, str]:
    """The state of the deployment of a commit; see `summary`.

    A forge takes the last one that succeeded for the active one, so that of a commit that comes live with a later one ends as
    soon as it is overtaken.
    """
    state, description = summary(parts, waiting=waiting)
    replaced = [part for part in parts.values() if part.by and not part.was_live and part.standing is not Standing.FAILED]
    on_its_way = waiting or any(part.standing is Standing.PENDING and not part.by for part in parts.values())
    if state is CommitState.FAILURE or on_its_way or not replaced:
        return state, description
    return CommitState.SUPERSEDED, f"superseded by {short(replaced[-1].by)}"


def summary(parts: Mapping[str, Part], *, waiting: int) -> tuple[CommitState, str]:
    """The state of a whole commit, and one line about it.

    A failure shows at once, though other parts are still on their way.

    Args:
        parts: by the name of the Application.
        waiting: how many Applications were not compared yet.
    """
    live = sum(1 for part in parts.values() if part.standing is Standing.LIVE)
    failed = {name: part for name, part in parts.items() if part.standing is Standing.FAILED}
    pending = {name: part for name, part in parts.items() if part.standing is Standing.PENDING}
    superseded = {name: part for name, part in parts.items() if part.standing is Standing.SUPERSEDED}
    progress = f"{live} of {len(parts)} live"
    if failed:
        more = [progress] if pending or waiting else []
        return CommitState.FAILURE, "; ".join([*_groups(failed, "failed"), *more])
    if pending or waiting:
        compared = [f"{waiting} to compare"] if waiting else []
        groups = _groups({name: part for name, part in pending.items() if part.word or part.by}, "")
        return CommitState.PENDING, "; ".join([progress, *groups, *compared])
    if superseded:
        by = short(next(reversed(superseded.values())).by)
        return CommitState.SUPERSEDED, f"superseded by {by}" + (f": {_names(superseded)}; {progress}" if live else "")
    if carried := [part.by for part in parts.values() if part.carried]:
        progress += f" with {short(carried[-1])}"
    return CommitState.SUCCESS, progress if parts else UNAFFECTED


def _waiting_for(commit: str) -> str:
    return f"waiting for {short(commit)}"


def _groups(parts: Mapping[str, Part], default: str) -> list[str]:
    """`2 degraded: pay, shop` for each word."""
    words: dict[str, list[str]] = {}
    for name, part in parts.items():
        waits = part.by and part.standing is Standing.PENDING
        words.setdefault(_waiting_for(part.by) if waits else part.word or default, []).append(name)
    return [f"{len(names)} {word}: {_names(names)}" for word, names in sorted(words.items())]


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    shown: list[str] = []
    for name in ordered:
        if shown and sum(map(len, shown)) + 2 * len(shown) + len(name) > _NAMES:
            break
        shown.append(name)
    left = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
