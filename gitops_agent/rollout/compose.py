"""The desired state at this moment: D(t) = overlay(rollout state, render(stable commit), render(target commit)).

Problem: two tools, one that applies Git and one that shifts traffic, undo each other's writes, and rules for ignoring fields
only hide it. Decision: there is one desired state, made here, and everything that compares the cluster with something (diff,
apply, drift, prune, health) compares it with this. While a rollout is under way the overlay will replace some manifests of the
target (weights on routes, replicas, the workload of the stable commit beside the new one) and say for each why; so weights in
flight are no drift and a manual edit of them is.
"""

from __future__ import annotations

from typing import TypeVar

Target = TypeVar("Target")


def compose(target: Target) -> Target:
    """The desired state at this moment, of the same type as the target commit's.

    Without a RolloutPolicy there is no rollout state, hence nothing to overlay: it is the target itself.
    """
    return target
