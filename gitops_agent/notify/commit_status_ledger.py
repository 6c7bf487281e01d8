"""The statuses of commits, computed from where Applications stand. Pure.

Problem: one commit of a monorepo touches three hundred Applications, the next one comes before the first is live, and a forge
counts every status. Decision: a commit has one status as a whole. It waits for the Applications whose files it changed, found
by what their renders read. An Application belongs to the last commit that touched it. A commit that was overtaken before it was
live there, or that lay between two polls, is in the later one and comes live with it: it may be a pull request that was merged,
and nothing is wrong with it. It is superseded only where nothing that comes live holds it: a rewritten branch lost it, or too
many wait. What changes is sent together, at most every ten seconds and less often for an old commit; the final status is sent
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.commit_status_parts import Part, Sight, Standing, overtaken
from gitops_agent.notify.commit_status_record import DEPLOYMENT, WHOLE, CommitRecord, digest

OPEN = 64
"""Commits that are followed until they are live; older ones count as superseded."""
KEPT = 200
"""Commits that are kept in the status, open ones first."""
GRACE = timedelta(seconds=3)
"""A commit that touches nothing is compared by then, and gets one status instead of two."""
PAUSE = timedelta(seconds=10)
WATCHED = timedelta(hours=1)
"""How long an Application that becomes Degraded counts against the commit that was live."""
_SLOWER = 60
"""The pause grows to a sixtieth of the age: some 400 statuses in a week, of the 1,000 that GitHub allows."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A reference of a repository, which Applications follow."""

    repository: str
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A status to send now.

    Attributes:
        record: of the commit.
        name: the Application it is about, `WHOLE` or `DEPLOYMENT`.
        state: see `CommitStatus`.
        description: see `CommitStatus`.
    """

    record: CommitRecord
    name: str
    state: CommitState
    description: str


@dataclass(slots=True, kw_only=True)
class _Chain:
    """The open commits of a stream, oldest first, and the head."""

    commits: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    restored: bool = False

    @property
    def head(self) -> str:
        return self.commits[-1] if self.commits else ""


class CommitStatusLedger:
    """The commits of one Notifier. Not thread-safe; reads no clock.

    Args:
        kept: what an earlier process kept in the status.
    """

    def __init__(self, kept: Iterable[CommitRecord] = ()) -> None:
        self._records = {record.key: record for record in kept}
        self._chains: dict[Stream, _Chain] = {}
        for record in self._records.values():
            for ref in record.refs:
                chain = self._chains.setdefault(Stream(record.repository, ref), _Chain(restored=True))
                chain.commits.append(record.commit)
        self.changed = False

    @property
    def records(self) -> Collection[CommitRecord]:
        """The commits, oldest first."""
        return self._records.values()

    def head(self, stream: Stream) -> str:
        """Where a reference led at the last look; empty before the first."""
        chain = self._chains.get(stream)
        return chain.head if chain is not None else ""

    def waiting(self, stream: Stream) -> tuple[str, ...]:
        """The open commits of a reference, oldest first."""
        chain = self._chains.get(stream)
        return tuple(chain.commits) if chain is not None else ()

    def follow(
        self,
        stream: Stream,
        head: str,
        applications: Collection[str],
        now: datetime,
        *,
        passed: bool = False,
        lost: Collection[str] = (),
    ) -> bool:
        """Notes where a reference leads, and which Applications follow it.

        Args:
            stream: the reference.
            head: the commit it leads to.
            applications: those that follow it.
            now: aware, UTC.
            passed: it has led there since the last look, and leads further now.
            lost: those of `waiting` that the head does not hold, because the branch was rewritten.

        Returns:
            Whether any of it is new, so that the sight of every Application counts again.
        """
        chain = self._chains.setdefault(stream, _Chain())
        names = set(applications)
        fresh = chain.restored or chain.head != head or not names <= chain.known
        if chain.restored:
            chain.restored, chain.known = False, names
            for record in (self._records[stream.repository, commit] for commit in chain.commits):
                if not record.compared:
                    record.compared = True
                    record.waiting |= names - record.parts.keys()
        for commit in lost:
            self._records[stream.repository, commit].lose(head)
        if chain.head != head:
            fresh_record = CommitRecord(repository=stream.repository, commit=head, since=now, passed=passed)
            record = self._records.get(fresh_record.key, fresh_record)
            if record.closed or record.resolved is not None:
                record.closed, record.since = False, now
            record.refs[stream.ref] = chain.head
            record.waiting |= names
            record.resolved, record.lost = None, False
            self._records.pop(record.key, None)
            self._records[record.key] = record
            if head in chain.commits:
                chain.commits.remove(head)
            chain.commits.append(head)
        elif not self._records[stream.repository, head].closed:
            self._records[stream.repository, head].waiting |= names - chain.known
        chain.known = names
        return fresh

    def saw(self, stream: Stream, name: str, sight: Sight, *, differs: Callable[[str], bool]) -> None:
        """Notes what is known of an Application.

        Args:
            stream: what it follows.
            name: of the Application.
            sight: since its last reconcile.
            differs: whether what it reads is different at another commit.
        """
        chain = self._chains.get(stream)
        commit = chain.head if chain is not None and sight.refused else sight.commit
        if chain is None or commit not in chain.commits:
            return
        if sight.live != commit and sight.live in chain.commits:
            self._was_live(stream, chain.commits[: chain.commits.index(sight.live) + 1], name, differs)
        upto = chain.commits[: chain.commits.index(commit) + 1]
        self._compare(stream, upto, name, lambda previous: sight.refused or not previous or differs(previous))
        for other in reversed(upto):
            record = self._records[stream.repository, other]
            part = record.parts.get(name)
            if part is not None:
                record.unseen.discard(name)
                if not part.by:
                    record.parts[name] = _moved(part, sight)
                break
        if sight.standing is Standing.LIVE:
            self._carry(stream, upto, name)

    def _was_live(self, stream: Stream, upto: list[str], name: str, differs: Callable[[str], bool]) -> None:
        """Notes that an Application was live between two looks."""
        self._compare(stream, upto, name, lambda previous: not previous or differs(previous))
        for other in reversed(upto):
            record = self._records[stream.repository, other]
            part = record.parts.get(name)
            if part is not None:
                if part.standing is Standing.PENDING:
                    record.parts[name] = replace(part, standing=Standing.LIVE, word="", text="", was_live=True)
                break
        self._carry(stream, upto, name)

    def _carry(self, stream: Stream, upto: list[str], name: str) -> None:
        """Lets earlier commits come live with the last of them."""
        for other in upto[:-1]:
            record = self._records[stream.repository, other]
            part = record.parts.get(name)
            if part is not None and part.by and part.standing is Standing.PENDING:
                record.parts[name] = replace(part, standing=Standing.LIVE, by=upto[-1])

    def _compare(self, stream: Stream, commits: list[str], name: str, differs: Callable[[str], bool]) -> None:
        """Finds the last commit that touched an Application; earlier ones lose it."""
        by = ""
        for commit in reversed(commits):
            record = self._records[stream.repository, commit]
            if name in record.waiting:
                record.waiting.discard(name)
                if by:
                    record.parts[name] = overtaken(Part(), by, lost=record.lost)
                elif differs(record.refs[stream.ref]):
                    record.parts[name], by = Part(), commit
            elif (part := record.parts.get(name)) is not None:
                if by and not part.by:
                    record.parts[name] = overtaken(part, by, lost=record.lost)
                    record.unseen.discard(name)
                by = by or commit

    def keep(self, applications: Collection[str]) -> None:
        """Drops Applications that are gone; called when every stream was followed."""
        for record in self._records.values():
            record.compared = True
            record.waiting.intersection_update(applications)
            record.unseen.intersection_update(applications)
            gone = [
                name
                for name, part in record.parts.items()
                if name not in applications and (not part.by or part.standing is Standing.PENDING)
            ]
            for name in gone:
                if record.parts[name].standing is not Standing.LIVE:
                    del record.parts[name]

    def due(self, now: datetime, *, per_application: int, deployments: bool) -> list[Due]:
        """What is to be sent now, the oldest commit first.

        Args:
            now: aware, UTC.
            per_application: how many Applications a commit may touch at most for each to get a status.
            deployments: whether the forge lists deployments too.
        """
        self._tidy(now)
        result: list[Due] = []
        for record in self._records.values():
            pause = self._pause(record, now)
            if pause is not None and pause <= timedelta():
                result += self._unsent(record, per_application=per_application, deployments=deployments)
        return result

    def seconds_to_next(self, now: datetime, *, per_application: int, deployments: bool) -> float | None:
        """Seconds until something is due; None while nothing is."""
        moments = [
            pause
            for record in self._records.values()
            if (pause := self._pause(record, now)) is not None
            and any(self._unsent(record, per_application=per_application, deployments=deployments))
        ]
        return max(0.0, min(moments).total_seconds()) if moments else None

    def sent(self, due: Due, now: datetime) -> None:
        """The forge took a status, or never will."""
        due.record.statuses[due.name] = digest(due.state, due.description)
        due.record.sent = now
        self.changed = True

    def to_json(self) -> list[Object]:
        """As kept in a status."""
        heads = {(stream.repository, chain.head) for stream, chain in self._chains.items()}
        shown = [record for record in self._records.values() if record.statuses or record.passed or record.key in heads]
        spare = len(shown) - KEPT
        kept = [record for record in shown if not (record.closed and (spare := spare - 1) >= 0)]
        return [record.to_json() for record in kept[-KEPT:]]

    def _unsent(self, record: CommitRecord, *, per_application: int, deployments: bool) -> Iterator[Due]:
        if record.refused:
            return
        state, description = record.whole()
        present = [(WHOLE, state, description)]
        apart = not record.waiting and len(record.parts) <= per_application and not record.passed
        for name, part in sorted(record.parts.items()):
            if apart or name in record.statuses:
                present.append((name, part.state, part.description))
        if deployments and not record.passed and (record.deployment or (not record.waiting and record.parts)):
            deployed = record.deployed()
            ends = record.deployment and not record.statuses.get(DEPLOYMENT, "").startswith(CommitState.SUPERSEDED.value)
            if ends or deployed[0] is not CommitState.SUPERSEDED:
                present.append((DEPLOYMENT, *deployed))
        for name, state_, line in present:
            if record.statuses.get(name) != digest(state_, line):
                yield Due(record=record, name=name, state=state_, description=line)

    def _pause(self, record: CommitRecord, now: datetime) -> timedelta | None:
        """How long a commit's statuses wait; None while nothing is known."""
        if record.holds:
            return None
        final = record.resolved is not None
        if record.sent is None:
            return timedelta() if final else record.since + GRACE - now
        pending = record.statuses.get(WHOLE, "").startswith(CommitState.PENDING.value)
        if final and pending:
            return timedelta()
        return record.sent + max(PAUSE, (now - record.since) / _SLOWER) - now

    def _tidy(self, now: datetime) -> None:
        """Settles commits, closes those that are over, and bounds their number."""
        heads = {(stream.repository, chain.head) for stream, chain in self._chains.items()}
        opened = [record for record in self._records.values() if not record.closed and record.key not in heads]
        for record in opened[: max(0, len(opened) - OPEN)]:
            newest = next(chain.head for stream, chain in self._chains.items() if record.commit in chain.commits)
            record.lose(newest)
            record.waiting.clear()
            record.unseen.clear()
        for record in list(self._records.values()):
            if record.closed:
                over = record.key not in heads
            else:
                record.settle(now)
                over = self._over(record, now)
            if over and record.key not in heads:
                self._drop(record)
            elif over and not record.closed:
                record.closed = self.changed = True
                record.parts.clear()

    def _over(self, record: CommitRecord, now: datetime) -> bool:
        """Whether nothing about a commit can change, and all was sent."""
        if record.resolved is None or record.holds:
            return False
        open_ = [part for part in record.parts.values() if not part.by]
        if any(part.standing is Standing.FAILED for part in open_) or (open_ and now - record.resolved < WATCHED):
            return False
        return record.refused or record.statuses.get(WHOLE) == digest(*record.whole())

    def _drop(self, record: CommitRecord) -> None:
        del self._records[record.key]
        for stream, chain in self._chains.items():
            if stream.repository == record.repository and record.commit in chain.commits:
                chain.commits.remove(record.commit)
        self.changed = True


def _moved(part: Part, sight: Sight) -> Part:
    if sight.standing is Standing.PENDING and part.was_live:
        return part
    was_live = part.was_live or sight.standing is Standing.LIVE
    return replace(part, standing=sight.standing, word=sight.word, text=sight.text, was_live=was_live)
