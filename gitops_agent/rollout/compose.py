"""Composes D(t), the desired state now, from the rollouts of an application.

Problem: two tools, one that applies Git and one that shifts traffic, undo each other's writes, and rules for ignoring fields
only hide it. Decision: there is one desired state, made here, and everything that compares the cluster with something (diff,
apply, drift, prune, health) compares it with this. So weights in flight are no drift and a manual edit of them is.

Everything is as the newest commit has it, but for what the rollouts hold back (`held_objects`) and what they made. What several
of them hold stays at the stable version while one of them has not come to its Cut, or holds the old version after a failure.
It changes with the first workload that takes the new version, because its new pods read it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.held_objects import Commits, Withheld
from gitops_agent.rollout.overlay import OverlayResult, ResolvedPolicy, commits, holding, laid, routed
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import Phase, RolloutState


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One rollout of an application.

    Attributes:
        state: where it stands.
        subject: what its policy is about.
        stable: the manifests of its stable commit.
        target: those of the commit under way; anything while there is none.
        replicas: what each side may have now; what the state asks for where None.
    """

    state: RolloutState
    subject: ResolvedPolicy
    stable: Sequence[Manifest]
    target: Sequence[Manifest]
    replicas: Replicas | None = None


def compose(head: Sequence[Manifest], parts: Sequence[Part]) -> OverlayResult:
    """The desired state at this moment.

    Args:
        head: what the newest commit declares; it is the desired state where there is no rollout.
        parts: the rollouts.

    Raises:
        RenderError: the routes of one of them cannot carry its share.
    """
    views = [(part, _view(head, part)) for part in parts]
    if not views:
        return OverlayResult(manifests=tuple(head))
    result = {manifest.key: manifest for manifest in head}
    # The last one counts.
    for _, view in sorted(views, key=lambda pair: _rank(pair[0].state), reverse=True):
        _take(result, view, view.bound)
    for _, view in views:
        _take(result, view, view.early)
    for _, view in views:
        _take(result, view, view.own)
    merged = OverlayResult(
        manifests=tuple(result.values()),
        kept=frozenset[ObjectKey]().union(*(view.kept for _, view in views)) - result.keys(),
        own=frozenset[ObjectKey]().union(*(view.own for _, view in views)),
        early=frozenset[ObjectKey]().union(*(view.early for _, view in views)),
        bound=frozenset[ObjectKey]().union(*(view.bound for _, view in views)),
        notes=tuple(note for _, view in views for note in view.notes),
    )
    for part in parts:
        merged = routed(merged, part.state, part.subject)
    return replace(merged, manifests=tuple(sorted(merged.manifests, key=lambda manifest: manifest.key)))


def withheld(head: Sequence[Manifest], part: Part) -> tuple[Withheld, ...]:
    """What a rollout holds back of the newest commit."""
    return holding(part.state, _commits(head, part), part.subject).withheld(
        {manifest.key: manifest for manifest in head}, part.subject.workload
    )


def _view(head: Sequence[Manifest], part: Part) -> OverlayResult:
    return laid(part.state, _commits(head, part), part.subject, part.replicas)


def _commits(head: Sequence[Manifest], part: Part) -> Commits:
    return commits(part.state, part.stable, part.target, head)


def _take(result: dict[ObjectKey, Manifest], view: OverlayResult, keys: Collection[ObjectKey]) -> None:
    theirs = {manifest.key: manifest for manifest in view.manifests if manifest.key in keys}
    for key in keys:
        if key in theirs:
            result[key] = theirs[key]
        else:
            result.pop(key, None)


def _rank(state: RolloutState) -> int:
    """Whose view of what several hold counts: the smallest."""
    if not retains(state):
        return 1 if state.running else 3
    return 2 if state.cutting else 0


def retains(state: RolloutState) -> bool:
    """Whether this rollout keeps what it holds at the stable commit."""
    return state.phase is Phase.HELD or (state.running and not state.rolled)
