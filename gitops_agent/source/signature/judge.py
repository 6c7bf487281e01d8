"""Judges commits and tags of a repository once, and remembers the verdicts.

A good verdict stays when its key merely expires; a bad one is reached anew when the Secret changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.commit_graph import CommitGraph, absent
from gitops_agent.source.signature.object import address, header, split_commit, split_tag
from gitops_agent.source.signature.verdict import Flaw, SignatureKind, Verdict
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.signature.verifier import Verifier, malformed

_PARALLEL = 16


class Judge:
    """Verdicts by the trust of one Secret, on one repository.

    Args:
        graph: the commits.
        verifier: runs the programs.
        cache: keeps verdicts.
        scope: of the verdicts: the Secret.
    """

    def __init__(self, graph: CommitGraph, verifier: Verifier, cache: VerdictCache, scope: str) -> None:
        self.graph = graph
        self._verifier, self._cache, self._scope = verifier, cache, scope

    def remember(self, oid: str, verdict: Verdict) -> None:
        """Takes over an earlier process's good verdict, where none is kept."""
        if self._cache.get(self._scope, oid) is None:
            self._cache.put(self._scope, oid, verdict, "")

    def commit(self, oid: str) -> Verdict:
        """The verdict on a commit.

        Raises:
            SourceError: it is not in the mirror.
            ProcessError: a program is missing or failed.
        """
        kept = self._cache.get(self._scope, oid)
        if kept is not None and kept[1] == self._verifier.digest:
            return kept[0]
        try:
            raw = self.graph.commit(oid)
            signed, committer = split_commit(raw, digits=len(oid)), address(raw, "committer")
        except SourceError as error:
            if absent(error):
                raise
            return malformed(error, datetime.now(UTC))
        verdict = self._verifier.judge(signed, address=committer, before=kept[0] if kept else None)
        self._cache.put(self._scope, oid, verdict, self._verifier.digest)
        return verdict

    def knows(self, oid: str) -> bool:
        """Whether a verdict on a commit is remembered, by the present keys."""
        kept = self._cache.get(self._scope, oid)
        return kept is not None and kept[1] == self._verifier.digest

    def commits(self, oids: Iterable[str]) -> None:
        """Judges many commits, several at a time."""
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="signature") as pool:
            for _ in pool.map(self.commit, oids):
                pass

    def tag(self, oid: str, *, name: str, commit: str) -> Verdict:
        """The verdict on a tag object, by its name and its commit.

        Raises:
            SourceError: it is not in the mirror.
            ProcessError: a program is missing or failed.
        """
        now = datetime.now(UTC)
        try:
            raw = self.graph.tag(oid)
            own, target, kind = (header(raw, part) or "" for part in ("tag", "object", "type"))
            signed, tagger = split_tag(raw), address(raw, "tagger")
        except SourceError as error:
            if absent(error):
                raise
            return malformed(error, now)
        if own != name:
            return Verdict(flaw=Flaw.MALFORMED, text=f"points at an object that calls itself {own[:200]}", at=now)
        if kind != "commit" or target != commit:
            return Verdict(flaw=Flaw.MALFORMED, text=f"is a tag of a {kind[:20]}, not of the commit {commit[:12]}", at=now)
        kept = self._cache.get(self._scope, oid)
        if kept is not None and kept[1] == self._verifier.digest:
            return kept[0]
        verdict = self._verifier.judge(signed, address=tagger, before=kept[0] if kept else None)
        self._cache.put(self._scope, oid, verdict, self._verifier.digest)
        return verdict


def unsigned_tag() -> Verdict:
    """The verdict on a lightweight tag."""
    text = "is a lightweight tag, which cannot be signed (TagNotSigned): make it with git tag --sign"
    return Verdict(flaw=Flaw.NOT_SIGNED, text=text, kind=SignatureKind.NONE, at=datetime.now(UTC))
