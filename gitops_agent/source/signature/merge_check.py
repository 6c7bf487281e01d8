"""Whether a commit counts, merges that a forge made included.

Trust in the key of a forge is trust in every login of that forge. So its signature alone proves nothing: a merge that it made
counts when both parents count and its content is what Git's automatic merge of them gives.
"""

from __future__ import annotations

from gitops_agent.api.source_options import ForgeMerges
from gitops_agent.errors import SourceError
from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.object import parents
from gitops_agent.source.signature.scopes import Scopes

_MOST = 5000
_TWO = 2


class MergeCheck:
    """Says why commits do not count.

    Args:
        judge: judges signatures.
        policy: what merges of a forge are worth.
        anchor: commits that it contains count; empty for none.
        scopes: what single keys may change.
        fresh: the commits that do not count yet, where that is known; all others do.
    """

    def __init__(
        self,
        judge: Judge,
        policy: ForgeMerges,
        anchor: str,
        scopes: Scopes | None = None,
        *,
        fresh: frozenset[str] | None = None,
    ) -> None:
        self._judge, self._policy, self._anchor, self._fresh = judge, policy, anchor, fresh
        self._scopes = scopes or Scopes()
        self._flaws: dict[str, str] = {}

    def flaw(self, commit: str) -> str:
        """Why a commit does not count; empty when it counts.

        Raises:
            SourceError: a commit is not in the mirror.
            ProcessError: a program is missing or failed.
        """
        pending = [commit]
        while pending:
            oid = pending[-1]
            missing = () if oid in self._flaws else self._parents_needed(oid)
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            if oid not in self._flaws:
                self._flaws[oid] = self._judged(oid)
            if len(self._flaws) > _MOST:
                raise SourceError(f"more than {_MOST} merges of the forge lie behind {commit[:12]}", reason="Unverified")
        return self._flaws[commit]

    def _anchored(self, oid: str) -> bool:
        if self._fresh is not None:
            return oid not in self._fresh
        return bool(self._anchor) and self._judge.graph.descends(self._anchor, oid)

    def _parents_needed(self, oid: str) -> tuple[str, ...]:
        """Parents that are judged before a merge of the forge."""
        if self._anchored(oid):
            self._flaws[oid] = ""
            return ()
        verdict = self._judge.commit(oid)
        if not verdict.good or not verdict.forge or self._policy is not ForgeMerges.CONTENT:
            return ()
        both = parents(self._judge.graph.commit(oid))
        return tuple(parent for parent in both if parent not in self._flaws) if len(both) == _TWO else ()

    def _judged(self, oid: str) -> str:
        verdict = self._judge.commit(oid)
        if not verdict.good:
            return verdict.text
        if not verdict.forge:
            return self._scopes.flaw(verdict.key, lambda: self._judge.graph.paths(oid))
        if self._policy is ForgeMerges.TRUST:
            return ""
        if self._policy is ForgeMerges.REFUSE:
            return "is signed by the forge, whose commits are refused (forgeMerges: refuse)"
        return self._content(oid)

    def _content(self, oid: str) -> str:
        """Why the content of a merge is not that of its parents."""
        graph = self._judge.graph
        both = parents(graph.commit(oid))
        if len(both) != _TWO:
            return (
                "is signed by the forge alone and is no merge of two commits (a squash, a rebase, or an edit in its web page)"
            )
        for parent in both:
            if self._flaws[parent]:
                return f"is a merge by the forge of {parent[:12]}, which {self._flaws[parent]}"
        merged = graph.merged(*both)
        if not merged:
            return "is signed by the forge and resolves a conflict, for which no other signature vouches"
        tree = graph.tree(oid)
        if merged != tree:
            where = graph.difference(merged, tree)
            return f"is signed by the forge and differs from the automatic merge of its parents in {where}"
        return ""
