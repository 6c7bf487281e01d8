"""Decides which commit of a reference may be followed.

What is verified stays: an unverified tip changes nothing that runs, and the last verified commit is followed on. A branch moves
forward only: one that leaves its last verified commit is held, because a signed old commit is as dangerous as an unsigned new
one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from gitops_agent.api.source_options import ForgeMerges, OnRewrite, VerifyMode
from gitops_agent.source.signature.judge import Judge, unsigned_tag
from gitops_agent.source.signature.judgement import MOST_LISTED, Demand, Judgement, Tag, UnverifiedCommit, Verified
from gitops_agent.source.signature.merge_check import MergeCheck
from gitops_agent.source.signature.scopes import Scopes
from gitops_agent.source.signature.verdict import SignatureKind, Verdict
from gitops_agent.source.signature.walk import Walk

_SHORT = 12
_APPROVAL_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The commit up to which there is nothing left to verify.

    Attributes:
        commit: empty when nothing was verified or applied yet.
        verified: it was verified, rather than only applied before verification was switched on.
        same: it was reached by the reference that is followed now.
    """

    commit: str = ""
    verified: bool = False
    same: bool = False


class Gate:
    """One decision about one reference.

    Args:
        judge: judges commits of its repository.
        demand: what is demanded.
        scopes: what single keys may change, with the mode `all`.
    """

    def __init__(self, judge: Judge, demand: Demand, scopes: Scopes | None = None) -> None:
        self._scopes = scopes or Scopes()
        self._judge, self._demand, self._graph = judge, demand, judge.graph
        before = demand.before
        if before is not None and before.key:
            tagged = (tag.object for tag in demand.tags if tag.commit == before.revision)
            judge.remember(next(tagged, before.revision), _earlier(before))
        self._anchor = self._anchored()

    def decide(self) -> Judgement:
        """The commit to follow, and what is wrong with the newer ones.

        Raises:
            SourceError: the tip is not in the mirror.
            ProcessError: a program is missing or failed.
        """
        demand, anchor = self._demand, self._anchor
        if demand.verify.mode in (VerifyMode.TAG, VerifyMode.TAG_AND_HEAD):
            return self._tags()
        if anchor.commit == demand.tip and anchor.verified:
            return self._settled()
        held = self._held() if self._rewritten() else None
        if held is not None:
            return held
        return self._all() if demand.verify.mode is VerifyMode.ALL else self._head()

    def _anchored(self) -> Anchor:
        demand, before = self._demand, self._demand.before
        if before is not None and self._graph.has(before.revision):
            return Anchor(commit=before.revision, verified=True, same=before.ref == demand.ref)
        if demand.applied and self._graph.has(demand.applied):
            return Anchor(commit=demand.applied)
        return Anchor()

    def _rewritten(self) -> bool:
        """Whether a branch left its last verified commit."""
        anchor, demand = self._anchor, self._demand
        return demand.kind == "branch" and anchor.same and not self._graph.descends(demand.tip, anchor.commit)

    def _settled(self) -> Judgement:
        """The tip is verified already; only its signer may be gone since."""
        demand, before = self._demand, self._demand.before
        removed = ""
        if before is not None and before.key:
            verdict = self._judge.commit(demand.tip)
            if not verdict.good:
                removed = f"what runs ({demand.tip[:_SHORT]}) {verdict.text}; it was verified on {before.at:%Y-%m-%d}"
        return Judgement(commit=demand.tip, verified=before, removed=removed)

    def _head(self) -> Judgement:
        demand = self._demand
        check = MergeCheck(self._judge, demand.verify.forge_merges, self._anchor.commit if self._anchor.verified else "")
        flaw = check.flaw(demand.tip)
        if not flaw:
            return Judgement(commit=demand.tip, verified=self.verified(demand.tip))
        return self.refused(demand.tip, flaw, advice="sign it and push it again, or push a signed commit on top")

    def _all(self) -> Judgement:
        """Follows the last commit up to which everything new counts."""
        demand, start = self._demand, self._start()
        if isinstance(start, Judgement):
            return start
        base = start if not start or self._graph.descends(demand.tip, start) else self._graph.base(start, demand.tip)
        if not base:
            return self._head()  # the first commit seen has to be signed itself
        walk = Walk(self._judge, demand.verify.merged, demand.verify.forge_merges, self._scopes)
        reached = walk.towards(demand.tip, base)
        verified = self._reached(reached.commit)
        if reached.unfinished:
            return Judgement(commit=self._anchor.commit, verified=demand.before, unfinished=True)
        if not reached.flaw:
            return Judgement(commit=reached.commit, verified=verified)
        stop = self._graph.describe(reached.waiting[0])
        behind = len(reached.waiting) - 1
        waits = f", {behind} {'commit waits' if behind == 1 else 'commits wait'} behind it" if behind else ""
        message = (
            f'{stop.short} "{stop.subject}" by {stop.author.partition(" <")[0]} {reached.flaw}; '
            f"{demand.name} stays at {reached.commit[:_SHORT]}{waits} "
            "(next: have it signed, or merge it with a signed merge and merged: vouched)"
        )
        listed = [UnverifiedCommit(commit=stop.commit, author=stop.author, reason=reached.flaw)]
        for commit in reached.waiting[1:MOST_LISTED]:
            flaw = walk.flaw(commit, demand.tip, base) or f"waits behind {stop.short}"
            listed.append(UnverifiedCommit(commit=commit, author=self._graph.describe(commit).author, reason=flaw))
        return Judgement(
            commit=reached.commit,
            verified=verified,
            reason="Unverified",
            message=message,
            count=len(reached.waiting),
            unverified=tuple(listed),
            stop=replace(stop, ref=demand.name),
        )

    def _start(self) -> str | Judgement:
        """The commit that is trusted already; empty without one."""
        demand, since = self._demand, self._demand.verify.since
        old = self._anchor.commit
        if since is None or (self._anchor.verified and not self._moved_forward(old, since)):
            return old
        if not self._graph.has(since) or not self._graph.descends(demand.tip, since):
            text = f"verify.since {since[:_SHORT]} is not an ancestor of {demand.name}; {self.stays()}"
            return self._behind("Unverified", text, listed=(), count=0, commit="")
        return since

    def _moved_forward(self, old: str, since: str) -> bool:
        """Whether the spec begins trust later than what was verified."""
        return since != old and self._graph.has(since) and self._graph.descends(since, old)

    def _reached(self, commit: str) -> Verified:
        """What the status records of the commit a walk came to."""
        before = self._demand.before
        if before is not None and before.revision == commit:
            return before
        verdict = self._judge.commit(commit)
        if verdict.good:
            return self.verified(commit, verdict)
        return Verified(revision=commit, ref=self._demand.ref, at=verdict.at)

    def verified(self, commit: str, verdict: Verdict | None = None) -> Verified:
        """What the status records of a commit that counts."""
        verdict = verdict or self._judge.commit(commit)
        return Verified(
            revision=commit,
            ref=self._demand.ref,
            signer=verdict.signer,
            key=verdict.key,
            kind=verdict.kind.value,
            at=verdict.at,
        )

    def refused(self, commit: str, flaw: str, *, advice: str) -> Judgement:
        """The decision when one commit stops the line at the anchor."""
        stop = self._graph.describe(commit)
        author = stop.author.partition(" <")[0]
        message = f'{stop.short} "{stop.subject}" by {author} {flaw}; {self.stays()} (next: {advice})'
        listed = UnverifiedCommit(commit=commit, author=stop.author, reason=flaw)
        return self._behind("Unverified", message, listed=(listed,), count=1, commit=commit)

    def stays(self) -> str:
        """What is followed meanwhile, in words."""
        anchor, name = self._anchor.commit, self._demand.name
        if anchor == self._demand.tip:
            return "what runs stays, because it was applied before signatures were demanded"
        return f"{name} stays at {anchor[:_SHORT]}" if anchor else f"nothing of {name} is applied"

    def _tags(self) -> Judgement:
        """Follows the preferred one of the tags that are verified."""
        demand, anchor, refused = self._demand, self._anchor, list[tuple[Tag, str]]()
        for tag in demand.tags:
            verdict = (
                self._judge.tag(tag.object, name=tag.name, commit=tag.commit) if tag.object != tag.commit else unsigned_tag()
            )
            flaw = self._tag_flaw(tag, verdict)
            if flaw:
                refused.append((tag, flaw))
                continue
            self._demand = replace(demand, tip=tag.commit)
            back = anchor.same and tag.commit != anchor.commit and self._graph.descends(anchor.commit, tag.commit)
            note = f"the tag {refused[0][0].name} {refused[0][1]}: it takes no part in {demand.name}" if refused else ""
            accepted = Judgement(commit=tag.commit, verified=self.verified(tag.commit, verdict), note=note)
            return (self._held() if back else None) or accepted
        if not refused:
            return self._behind("Unverified", f"{demand.name} leads to no tag; {self.stays()}", listed=(), count=0, commit="")
        tag, flaw = refused[0]
        if anchor.verified and anchor.commit == tag.commit:
            return Judgement(commit=tag.commit, verified=demand.before, removed=f"what runs ({tag.name}) {flaw}")
        message = f"the tag {tag.name} {flaw}; {self.stays()} (next: sign it with git tag --sign, and push it anew)"
        listed = tuple(
            UnverifiedCommit(
                commit=each.commit,
                author=self._graph.describe(each.commit).author,
                reason=f"the tag {each.name} {text}",
            )
            for each, text in refused[:MOST_LISTED]
        )
        return self._behind("Unverified", message, listed=listed, count=len(refused), commit=tag.commit)

    def _tag_flaw(self, tag: Tag, verdict: Verdict) -> str:
        verify = self._demand.verify
        if not verdict.good:
            return verdict.text
        if verdict.forge and verify.forge_merges is not ForgeMerges.TRUST:
            return "is signed by the forge alone"
        if verify.mode is VerifyMode.TAG_AND_HEAD:
            anchor = self._anchor.commit if self._anchor.verified else ""
            flaw = MergeCheck(self._judge, verify.forge_merges, anchor).flaw(tag.commit)
            return f"leads to {tag.commit[:_SHORT]}, which {flaw}" if flaw else ""
        return ""

    def _held(self) -> Judgement | None:
        """The decision about a move backwards; None when it is accepted."""
        demand, old = self._demand, self._anchor.commit
        if demand.verify.on_rewrite is OnRewrite.FOLLOW:
            return None
        digest = rewrite_hash(demand, old)
        if demand.verify.on_rewrite is OnRewrite.HOLD and _names(demand.approved, digest):
            return None
        back = self._graph.descends(old, demand.tip)
        where = f"back to {demand.tip[:_SHORT]}" if back else f"to {demand.tip[:_SHORT]}, which does not contain it"
        hold = demand.verify.on_rewrite is OnRewrite.HOLD
        end = f"held (plan {digest[:_APPROVAL_DIGITS]})" if hold else "refused (onRewrite: refuse)"
        message = f"{demand.name} moved from verified {old[:_SHORT]} {where}; {end}"
        reason = "leaves the last verified commit"
        listed = UnverifiedCommit(commit=demand.tip, author=self._graph.describe(demand.tip).author, reason=reason)
        judgement = self._behind("HistoryRewritten", message, listed=(listed,), count=1, commit=demand.tip)
        return replace(judgement, approval=digest) if hold else judgement

    def _behind(self, reason: str, message: str, *, listed: tuple[UnverifiedCommit, ...], count: int, commit: str) -> Judgement:
        return Judgement(
            commit=self._anchor.commit,
            verified=self._demand.before if self._anchor.verified else None,
            reason=reason,
            message=message,
            count=count,
            unverified=listed,
            stop=replace(self._graph.describe(commit), ref=self._demand.name) if commit else None,
        )


def rewrite_hash(demand: Demand, anchor: str) -> str:
    """Names one move of a branch, for its approval."""
    return hashlib.sha256(f"{demand.ref}\n{anchor}\n{demand.tip}".encode()).hexdigest()


def _names(approved: str, digest: str) -> bool:
    return len(approved) >= _APPROVAL_DIGITS and digest.startswith(approved.lower())


def _earlier(before: Verified) -> Verdict:
    return Verdict(signer=before.signer, key=before.key, kind=SignatureKind(before.kind), at=before.at)
