"""The leader's end of webhooks."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.agent.runtime import Runtime
from gitops_agent.server.webhooks.delivery import Push


class Leader:
    """Asks the replica whether it leads, for every delivery anew.

    Args:
        runtime: the replica.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def secrets(self) -> Mapping[str, bytes] | None:
        """The secrets by sender; None while this replica does not lead."""
        hints = self._runtime.hints
        return None if hints is None else hints.secrets()

    def pushed(self, push: Push) -> None:
        """Polls the repositories of a push, while this replica leads."""
        hints = self._runtime.hints
        if hints is not None:
            hints.pushed(push.urls, push.tips)
