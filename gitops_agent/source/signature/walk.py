"""Walks from the last trusted commit towards the tip, while all counts.

Trust goes on from one commit to the next: the mainline is followed oldest first, a merge counts with what it brings in, and the
first commit that does not count stops the line. The verdicts are remembered, so a walk that was cut short goes on from where it
was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gitops_agent.api.source_options import ForgeMerges, Merged
from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.merge_check import MergeCheck
from gitops_agent.source.signature.object import parents
from gitops_agent.source.signature.scopes import Scopes

MOST_COMMITS = 5000
MOST_SECONDS = 60.0
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a walk came.

    Attributes:
        commit: the last one up to which everything new counts.
        flaw: why the next one does not count; empty at the tip.
        waiting: that commit and those behind it on the mainline, oldest first.
        unfinished: there was no time to judge them all.
    """

    commit: str
    flaw: str = ""
    waiting: tuple[str, ...] = field(default=())
    unfinished: bool = False


class Walk:
    """One walk over new commits.

    Args:
        judge: judges signatures.
        merged: what the second parents of merges have to be.
        forge_merges: what merges of a forge are worth.
        scopes: what single keys may change.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        judge: Judge,
        merged: Merged,
        forge_merges: ForgeMerges,
        scopes: Scopes,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._judge, self._graph, self._merged, self._clock = judge, judge.graph, merged, clock
        self._forge_merges, self._scopes = forge_merges, scopes

    def towards(self, tip: str, base: str) -> Reached:
        """Walks from a trusted commit to one of its descendants.

        Raises:
            SourceError: a commit is not in the mirror.
            ProcessError: a program is missing or failed.
        """
        new = self._graph.between(base, tip)
        if not self._judged(new):
            return Reached(commit=base, unfinished=True)
        check = MergeCheck(self._judge, self._forge_merges, "", self._scopes, fresh=frozenset(new))
        mainline = self._graph.mainline(base, tip)
        reached = base
        for position, commit in enumerate(mainline):
            flaw = check.flaw(commit) or self._brought(commit, check)
            if flaw:
                return Reached(commit=reached, flaw=flaw, waiting=mainline[position:])
            reached = commit
        return Reached(commit=reached)

    def flaw(self, commit: str, tip: str, base: str) -> str:
        """Why one of the waiting commits does not count by itself."""
        return MergeCheck(
            self._judge, self._forge_merges, "", self._scopes, fresh=frozenset(self._graph.between(base, tip))
        ).flaw(commit)

    def _judged(self, commits: tuple[str, ...]) -> bool:
        """Judges new commits, oldest first; False when time or number ran out."""
        end, fresh = self._clock() + MOST_SECONDS, 0
        missing = [commit for commit in commits if not self._judge.knows(commit)]
        for start in range(0, len(missing), _BATCH):
            if fresh >= MOST_COMMITS or self._clock() > end:
                return False
            batch = missing[start : start + _BATCH]
            self._judge.commits(batch)
            fresh += len(batch)
        return True

    def _brought(self, commit: str, check: MergeCheck) -> str:
        """Why a merge does not count for what it brings in."""
        above = parents(self._graph.commit(commit))
        if len(above) < 2 or self._merged is Merged.VOUCHED:  # noqa: PLR2004 - no merge
            return ""
        for other in self._graph.brought(commit, above[0], ""):
            flaw = check.flaw(other)
            if flaw:
                return f"merges {other[:12]}, which {flaw}"
        return ""
