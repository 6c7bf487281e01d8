"""What is known of a repository after its polls."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from gitops_agent.errors import AgentError, SourceError
from gitops_agent.source.ref import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """Result of the last polls of a repository.

    Attributes:
        polled: whether any poll has ended yet; of one reference, a poll that asked for it.
        at: when the last one ended.
        error: why the repository cannot be read, None when it can.
        since: since when it cannot.
        refs: what is wrong with single references.
        refs_since: since when.
        asked: the references that the last poll asked for; None for all.
    """

    polled: bool = False
    at: datetime | None = field(default=None, compare=False)
    error: AgentError | None = None
    since: datetime | None = None
    refs: dict[Ref, SourceError] = field(default_factory=dict)
    refs_since: dict[Ref, datetime] = field(default_factory=dict)
    asked: frozenset[Ref] | None = field(default=None, compare=False)

    def of(self, ref: Ref) -> SourceState:
        """The state for one reference; a missing one cannot be read.

        One that came after the last poll is not missing: the next poll asks for it.
        """
        if self.error is None and self.asked is not None and ref not in self.asked:
            return replace(self, polled=False)
        if self.error is not None or ref not in self.refs:
            return self
        return replace(self, error=self.refs[ref], since=self.refs_since.get(ref))
