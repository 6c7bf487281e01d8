"""Fence in front of every write, held by the lease.

Problem: a leader that was frozen, or whose lease another replica took, still has writes queued, and a caller that has to ask
before each of them forgets one. Decision: the fence is part of the client that writes (`Objects`), which asks it directly
before each call, so a write that was decided on while the lease was held does not leave the process after the lease is lost.
"""

from __future__ import annotations

from typing import Protocol

from gitops_agent.errors import AgentError


class LeadershipLost(AgentError):
    """A write was not sent, because another replica may lead by now."""

    reason = "LeadershipLost"
    transient = True


class Fence(Protocol):
    """Decides whether this process may write."""

    @property
    def held(self) -> bool:
        """Whether a write may begin now; answers without the API server."""


class Unfenced:
    """Always held: a process that writes without leader election."""

    @property
    def held(self) -> bool:
        """True."""
        return True


UNFENCED = Unfenced()
