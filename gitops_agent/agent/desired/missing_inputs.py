"""What renders miss of other repositories, by application and commit.

A render that misses something ends; what it looked for is fetched by the poller and noted here until it is there. Commits may
come and go in between, so each has its own.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey

_T = TypeVar("_T")
_MOST_COMMITS = 8
"""Commits of one application of which it is kept."""


class MissingInputs(Generic[_T]):
    """Missing inputs of one kind, and why they are refused; thread-safe.

    Args:
        most: inputs of one commit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._missing: dict[AppKey, dict[str, dict[_T, AgentError | None]]] = {}

    def add(self, application: AppKey, commit: str, missing: _T, refusal: AgentError | None) -> bool:
        """Notes what a commit's render misses; false for too many."""
        with self._lock:
            commits = self._missing.setdefault(application, {})
            own = commits.setdefault(commit, {})
            while len(commits) > _MOST_COMMITS:
                del commits[next(iter(commits))]
            if missing not in own and len(own) >= self._most:
                return False
            own[missing] = refusal
            return True

    def of(self, application: AppKey, commit: str) -> dict[_T, AgentError | None]:
        """What a commit's render misses, with its refusal."""
        with self._lock:
            return dict(self._missing.get(application, {}).get(commit, {}))

    def clear(self, application: AppKey, commit: str) -> None:
        """Drops what a commit missed, once all of it is there."""
        with self._lock:
            self._missing.get(application, {}).pop(commit, None)

    def forget(self, application: AppKey) -> bool:
        """Drops an application; whether anything was noted."""
        with self._lock:
            return any(self._missing.pop(application, {}).values())
