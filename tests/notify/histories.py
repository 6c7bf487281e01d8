"""Histories of a repository, as the ledger of commit statuses follows them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from gitops_agent.notify.commit_status_ledger import PAUSE, CommitStatusLedger, Due, Stream
from gitops_agent.notify.commit_status_parts import Sight, Standing
from gitops_agent.notify.commit_status_record import WHOLE, CommitRecord
from tests.notify.builders import NOON

MAIN = Stream("https://github.com/acme/config", "branch main")
P, C1, C2, C3, C4 = (digit * 40 for digit in "01234")
LIVE, PENDING, FAILED = Standing.LIVE, Standing.PENDING, Standing.FAILED


class History:
    """A repository whose commits change applications, and its ledger."""

    def __init__(self, *names: str, per_application: int = 10, deployments: bool = False) -> None:
        self.ledger = CommitStatusLedger()
        self.now: datetime = NOON
        self.names = set(names)
        self.order: list[str] = []
        self.touched: dict[str, frozenset[str]] = {}
        self.sights: dict[str, Sight] = {}
        self.sent: list[Due] = []
        self.per_application, self.deployments = per_application, deployments

    def commit(self, name: str, *touched: str) -> None:
        """A commit that changes what these applications read."""
        self.order.append(name)
        self.touched[name] = frozenset(touched)
        self.ledger.follow(MAIN, name, self.names, self.now)

    def passed(self, name: str, *touched: str) -> None:
        """A commit that another one follows before the next look."""
        self.order.append(name)
        self.touched[name] = frozenset(touched)
        self.ledger.follow(MAIN, name, self.names, self.now, passed=True)

    def rewritten(self, name: str, *touched: str, lost: Collection[str]) -> None:
        """A commit that does not hold some of those before it."""
        self.order.append(name)
        self.touched[name] = frozenset(touched)
        self.ledger.follow(MAIN, name, self.names, self.now, lost=lost)

    def lived(self, name: str, before: str) -> None:
        """An application that was live at an earlier commit."""
        sight = Sight(commit=self.order[-1], standing=PENDING, live=before)
        self.ledger.saw(MAIN, name, sight, differs=partial(self._differs, name))

    def see(self, standings: Mapping[str, Standing] | Iterable[str], word: str = "degraded") -> None:
        """Reconciles at the head; what is only named is live."""
        for name in standings:
            standing = standings[name] if isinstance(standings, Mapping) else LIVE
            cause = word if standing is FAILED else ""
            self.sights[name] = Sight(commit=self.order[-1], standing=standing, word=cause)
            self.ledger.saw(MAIN, name, self.sights[name], differs=partial(self._differs, name))

    def _differs(self, name: str, other: str) -> bool:
        between = self.order[self.order.index(other) + 1 :]
        return any(name in self.touched[commit] for commit in between)

    def wait(self, delta: timedelta = PAUSE) -> None:
        self.now += delta

    def send(self) -> list[tuple[str, str, str]]:
        """What is due: commit, state and line of the whole."""
        due = self.ledger.due(self.now, per_application=self.per_application, deployments=self.deployments)
        for status in due:
            self.ledger.sent(status, self.now)
        self.sent += due
        return [(status.record.commit[0], status.state.value, status.description) for status in due if status.name == WHOLE]

    def restart(self, *, applications: Collection[str] | None = None) -> None:
        """Another leader, which knows what was kept."""
        kept = json.loads(json.dumps(self.ledger.to_json()))
        self.ledger = CommitStatusLedger(CommitRecord.from_json(value) for value in kept)
        self.names = set(applications) if applications is not None else self.names
        self.ledger.follow(MAIN, self.order[-1], self.names, self.now)


def followed(*names: str, per_application: int = 10, deployments: bool = False) -> History:
    """A history whose first commit is live and was said to be."""
    history = History(*names, per_application=per_application, deployments=deployments)
    history.commit(P, *names)
    history.see(names)
    history.send()
    history.wait()
    return history
