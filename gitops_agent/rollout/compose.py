"""Composes D(t), the desired state now, from the rollouts of an application.

Problem: two tools, one that applies Git and one that shifts traffic, undo each other's writes, and rules for ignoring fields
only hide it. Decision: there is one desired state, made here, and everything that compares the cluster with something (diff,
apply, drift, prune, health) compares it with this. So weights in flight are no drift and a manual edit of them is.

Several rollouts of one application share every object that belongs to none of them. Those stay at the stable commit while one
rollout has not come to its Cut, or holds the old version after a failure. They change with the first workload that takes the
new version, because its new pods read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.overlay import OverlayResult, ResolvedPolicy, laid, routed
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
    views = [(part, laid(part.state, part.stable, part.target, part.subject, part.replicas)) for part in parts]
    if not views:
        return OverlayResult(manifests=tuple(head))
    base = min(views, key=lambda one: _rank(one[0].state))[1]
    result = {one.key: one for one in base.manifests}
    for _, view in views:
        theirs = {one.key: one for one in view.manifests}
        for key in view.own | view.early:
            if key in theirs:
                result[key] = theirs[key]
            else:
                result.pop(key, None)
    merged = OverlayResult(
        manifests=tuple(result.values()),
        kept=frozenset[ObjectKey]().union(*(view.kept for _, view in views)) - result.keys(),
        own=frozenset[ObjectKey]().union(*(view.own for _, view in views)),
        early=frozenset[ObjectKey]().union(*(view.early for _, view in views)),
        notes=tuple(note for _, view in views for note in view.notes),
    )
    for part in parts:
        merged = routed(merged, part.state, part.subject)
    return replace(merged, manifests=tuple(sorted(merged.manifests, key=lambda one: one.key)))


def _rank(state: RolloutState) -> int:
    """Whose view of the rest counts: the smallest."""
    if not retains(state):
        return 1 if state.running else 3
    return 2 if state.cutting else 0


def retains(state: RolloutState) -> bool:
    """Whether this rollout keeps the shared objects at the stable commit."""
    return state.phase is Phase.HELD or (state.running and not state.rolled)
