"""A repository that the agent has mirrored, for previews and histories.

Problem: a viewer of the agent's dashboard would clone the repository for each diff, with credentials that few viewers may read.
Decision: commits that are part of what the Application follows come from the agent's mirror: the agent renders them and says so
in statuses, so a viewer of the Application may see them. Any other commit (a branch that another Application follows, say) is
fetched with the viewer's own rights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gitops_agent.manifest.revision_name import commit_of
from gitops_agent.revision.revision import Revision
from gitops_agent.source.repository import Repository
from gitops_agent.source.revision_name import HEAD
from gitops_agent.source.sources import Sources

_DIGITS = re.compile(r"[0-9a-f]{7,64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRepository:
    """A mirrored repository, as far as its Application follows it.

    Attributes:
        sources: the mirrors.
        repository: which one.
        tip: what the Application follows.
        paths: what its render read; empty when that is not known.
    """

    sources: Sources
    repository: Repository
    tip: Revision
    paths: frozenset[str] = field(default=frozenset())

    def find(self, revision: str) -> Revision | None:
        """A commit of the history by its digits; None for other names."""
        name = commit_of(revision)
        if name in ("", HEAD) or revision == self.tip.commit:
            return self.tip
        return self.sources.ancestor(self.repository, self.tip, name) if _DIGITS.match(name) else None
