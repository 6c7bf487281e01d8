"""What the agent knows of the commits that Applications follow."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gitops_agent.api.notifier import LabelSelector
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.commit_status_ledger import Stream
from gitops_agent.notify.commit_status_parts import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """Who follows a reference.

    Attributes:
        head: the commit it leads to.
        applications: those that follow it.
    """

    head: str
    applications: frozenset[AppKey]


class Mailbox:
    """Applications of which there is news; thread-safe, and bounded.

    Attributes:
        changed: is set when one comes in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._applications: set[AppKey] = set()
        self._everything = True
        self.changed = threading.Event()

    def add(self, application: AppKey) -> None:
        """Puts one in."""
        with self._lock:
            self._applications.add(application)
        self.changed.set()

    def take(self) -> frozenset[AppKey] | None:
        """Takes all out; None the first time, for every Application."""
        with self._lock:
            taken = None if self._everything else frozenset(self._applications)
            self._applications.clear()
            self._everything = False
        return taken


class CommitBoard(Protocol):
    """Where the Applications stand; thread-safe."""

    def subscribe(self, mailbox: Mailbox) -> None:
        """Puts every Application into a mailbox of which something new is known."""
        ...

    def unsubscribe(self, mailbox: Mailbox) -> None:
        """Ends that."""
        ...

    @property
    def ready(self) -> bool:
        """Whether the Applications are known."""
        ...

    def streams(self, selector: LabelSelector) -> Mapping[Stream, Following]:
        """The references that the selected Applications follow."""
        ...

    def between(self, stream: Stream, old: str, new: str) -> Sequence[str] | None:
        """What a reference led to between two commits.

        Oldest first, without both; the newest few of them, and without the network. None where the new one does not hold the
        old one: the branch was rewritten.
        """
        ...

    def sight(self, application: AppKey) -> Sight | None:
        """What is known of an Application since its last reconcile."""
        ...

    def differs(self, application: AppKey, commit: str) -> bool:
        """Whether what an Application's render read is different at another commit."""
        ...


class NoCommits:
    """The board of an agent that follows nothing."""

    ready = False

    def subscribe(self, mailbox: Mailbox) -> None:
        """Does nothing."""

    def unsubscribe(self, mailbox: Mailbox) -> None:
        """Does nothing."""

    def streams(self, selector: LabelSelector) -> Mapping[Stream, Following]:
        """None."""
        del selector
        return {}

    def between(self, stream: Stream, old: str, new: str) -> Sequence[str] | None:
        """Nothing."""
        del stream, old, new
        return ()

    def sight(self, application: AppKey) -> Sight | None:
        """Nothing."""
        del application
        return None

    def differs(self, application: AppKey, commit: str) -> bool:
        """Not known."""
        del application, commit
        return True
