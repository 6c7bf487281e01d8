"""Computes the pods of each side.

Two ways to a share: a route that knows weights needs canary pods for its share beside the full workload, a plain Service has no
weights at all, so there the numbers of pods are the share. Both obey one limit: pods beyond the workload's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

FULL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCounts:
    """Numbers of pods.

    Attributes:
        canary: pods of the new version.
        stable: pods of the workload itself.
        warning: a caveat, e.g. that the real share is another one; empty without one.
        refused: why the weight cannot be had; empty when it can. The counts then send nothing to the canary.
    """

    canary: int
    stable: int
    warning: str = ""
    refused: str = ""


def ceil_div(value: int, by: int) -> int:
    """The quotient, rounded up."""
    return -(-value // by)


def surge_limit(replicas: int, percent: int) -> int:
    """Pods a policy allows beyond `replicas`, rounded up."""
    return ceil_div(replicas * percent, FULL)


def ratio(replicas: int, weight: int, *, surge: bool) -> ReplicaCounts:
    """The pod counts behind a plain Service nearest to a weight.

    Args:
        replicas: what the workload has without a rollout.
        weight: percent of the requests, 0 to 100.
        surge: whether one pod more than `replicas` is allowed.
    """
    if replicas <= 0 or weight <= 0:
        return ReplicaCounts(canary=0, stable=max(replicas, 0))
    if weight >= FULL:
        return ReplicaCounts(canary=replicas, stable=0)
    if replicas == 1:
        if not surge:
            return ReplicaCounts(canary=0, stable=1, refused=f"one replica cannot be split {weight} % without a surge")
        half = "" if weight == FULL // 2 else f"with one replica the weight {weight} % is really 50 %"
        return ReplicaCounts(canary=1, stable=1, warning=half)
    share = Fraction(weight, FULL)
    options: list[tuple[Fraction, int, int]] = []
    for total in (replicas, replicas + 1) if surge else (replicas,):
        exact = total * weight
        for count in {exact // FULL, ceil_div(exact, FULL)}:
            canary = min(max(count, 1), total - 1)
            options.append((abs(Fraction(canary, total) - share), total, -canary))
    _, total, negative = min(options)
    return ReplicaCounts(canary=-negative, stable=total + negative)


def motion(
    now: ReplicaCounts, goal: ReplicaCounts, *, available: int, most: int, least: int, idle: int = 0, serving: bool = True
) -> ReplicaCounts:
    """The next counts towards a goal: first up, then down.

    Up as far as the surge allows, down as far as availability allows.

    Args:
        now: the numbers asked for at present.
        goal: where they should end.
        available: pods of both sides that serve at present.
        most: pods there may be of both sides together.
        least: pods that must go on serving.
        idle: unavailable pods of the workload, the first to go when it is scaled down.
        serving: whether the canary gets any traffic; without it all its pods are idle.
    """
    room = max(most - now.canary - now.stable, 0)
    stable = now.stable + min(max(goal.stable - now.stable, 0), room)
    room -= stable - now.stable
    canary = now.canary + min(max(goal.canary - now.canary, 0), room)
    spare = max(available - least, 0)
    if stable > goal.stable:
        stable -= min(stable - goal.stable, max(spare, idle))
    elif canary > goal.canary:
        canary -= min(canary - goal.canary, spare) if serving else canary - goal.canary
    return ReplicaCounts(canary=canary, stable=stable, warning=goal.warning, refused=goal.refused)


def routed(replicas: int, weight: int, *, limit: int, floor: int = 0) -> int:
    """The canary pods of a routed share, within the surge limit.

    Args:
        replicas: live replicas of the workload.
        weight: percent of the requests.
        limit: most pods beyond the workload's own.
        floor: fewest pods, e.g. what a step sets, or one for a match.
    """
    return min(max(ceil_div(replicas * weight, FULL), floor), limit)


def largest_weight(replicas: int, *, limit: int) -> int:
    """The largest share that the surge limit leaves pods for."""
    if replicas <= 0 or limit >= replicas:
        return FULL
    return FULL * limit // replicas


def safe_weight(weight: int, *, available: int, replicas: int, max_unavailable: int) -> int:
    """The smallest share the canary must keep while the workload lacks pods.

    Args:
        weight: the share at present; the result is never larger.
        available: pods of the workload that serve.
        replicas: pods it should have.
        max_unavailable: how many of them may be missing.
    """
    if replicas <= 0 or available >= replicas - max_unavailable:
        return 0
    return min(weight, FULL - FULL * available // replicas)
