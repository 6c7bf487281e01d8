"""Polls repositories that a webhook named.

Problem: forges send one webhook for every push, branch and tag, sometimes before the servers behind them know the commit.
Decision: a hint makes its repositories due; however many come, a repository is polled at most once a second, and once after the
last of them. Where a followed branch is not yet at the commit that the hint names, it is polled again a few times.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Item, WorkQueue
from gitops_agent.errors import AgentError
from gitops_agent.observe.log import logger
from gitops_agent.source.repository import Repository, address_of

_log = logger("webhooks")
_APART_SECONDS = 1.0
_LATE_SECONDS = (0.5, 1.0, 2.0)
"""Pauses before the next polls when a commit is not there yet."""

Tip = tuple[Repository, str, str]
"""A repository, one of its branches as a full reference, and the commit it should be at."""


class PushHints:
    """Takes the hints of webhooks; thread-safe.

    Args:
        poller: knows which repositories are followed.
        secrets: hold the secrets of the senders.
        queue: of commits that a hint named; its worker calls `reconcile`.
        secret: namespace and name of the Secret with the senders' secrets.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        poller: SourcePoller,
        secrets: SecretStore,
        queue: WorkQueue[Tip],
        *,
        secret: tuple[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poller, self._secrets, self._queue = poller, secrets, queue
        self._secret, self._clock = secret, clock
        self._lock = threading.Lock()
        self._due: dict[Repository, float] = {}
        self._polled: dict[Tip, int] = {}
        self._hinted: dict[Repository, datetime] = {}

    def secrets(self) -> Mapping[str, bytes]:
        """The secrets by sender; empty where the Secret is missing.

        The Secret stays watched, so a webhook costs no request.
        """
        try:
            held = self._secrets.hold(*self._secret)
            return held if held is not None else self._secrets.data(*self._secret)
        except AgentError as error:
            _log.warning("the secrets of webhooks cannot be read", secret=self._secret[1], error=error)
            return {}

    def pushed(self, urls: Iterable[str], tips: Iterable[tuple[str, str]]) -> None:
        """Polls the followed repositories at the addresses.

        Args:
            urls: of one repository.
            tips: full references, with the commits they should be at.
        """
        addresses = {address for url in urls if (address := address_of(url))}
        named = tuple(tips)
        for repository in self._poller.repositories():
            if repository.address not in addresses:
                continue
            with self._lock:
                self._hinted[repository] = datetime.now(UTC)
            self._poll(repository)
            for reference, commit in named:
                if self._poller.behind(repository, reference, commit):
                    self._later((repository, reference, commit))

    def last(self, repository: Repository) -> datetime | None:
        """When a webhook last named a repository, since the start."""
        with self._lock:
            return self._hinted.get(repository)

    def reconcile(self, item: Item[Tip]) -> None:
        """Polls a repository again that is not at a hint's commit."""
        tip = item.key
        if self._poller.behind(*tip):
            self._poll(tip[0])
            self._later(tip)
        else:
            with self._lock:
                self._polled.pop(tip, None)

    def _poll(self, repository: Repository) -> None:
        now = self._clock()
        with self._lock:
            last = self._due.get(repository, now - _APART_SECONDS)
            due = self._due[repository] = last if last > now else max(now, last + _APART_SECONDS)
        self._poller.poll_soon(repository, "webhook", delay=due - now)

    def _later(self, tip: Tip) -> None:
        with self._lock:
            times = self._polled.get(tip, 0)
            if times >= len(_LATE_SECONDS):
                del self._polled[tip]
                return
            self._polled[tip] = times + 1
        self._queue.add(tip, "the commit of a webhook is not there yet", delay=_LATE_SECONDS[times])
