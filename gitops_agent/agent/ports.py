"""The behaviour that travels down: everything else a class needs is an object below it."""

from __future__ import annotations

from typing import Protocol

from gitops_agent.agent.work_queue import Priority
from gitops_agent.manifest.key import AppKey


class Wake(Protocol):
    """Puts an application on the queue: it is looked at again."""

    def __call__(self, key: AppKey, reason: str, priority: Priority, /) -> None:
        """Says which, why, and how urgent it is."""
