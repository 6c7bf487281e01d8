"""The place of sync hooks among the waves of objects. Pure.

A sync hook runs once every object of a lower wave is healthy and every object of its own wave is applied, and objects of higher
waves wait until it has ended. What an object of an early wave cannot do without is applied with it, as in the order of applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import WRITES, Action, ActionKind
from gitops_agent.sync.health.status import Status
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.object_options import wave_of
from gitops_agent.sync.planning.plan import Plan

_GOOD = frozenset({Status.HEALTHY, Status.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveProgress:
    """How far the waves of a plan have come.

    Attributes:
        unapplied: the lowest wave with an object that is not applied as declared; None where all are.
        unhealthy: the lowest wave with an object that is not healthy; None where all are.
    """

    unapplied: int | None
    unhealthy: int | None

    def reached(self, wave: int) -> bool:
        """Whether a hook of this wave may run."""
        applied = self.unapplied is None or self.unapplied > wave
        return applied and (self.unhealthy is None or self.unhealthy >= wave)


def wave_progress(plan: Plan, live: Mapping[ObjectKey, LiveObject]) -> WaveProgress:
    """How far the waves of a plan have come."""
    unapplied: list[int] = []
    unhealthy: list[int] = []
    for action in plan.actions:
        if action.manifest is None or (action.intent is ActionKind.SKIP and action.live is None):
            continue
        wave = wave_of(action.manifest.obj) or 0
        now = live.get(action.key)
        if action.intent in WRITES and not action.drift and (now is None or now.digest != action.manifest.digest):
            unapplied.append(wave)
        if now is None or now.health.status not in _GOOD:
            unhealthy.append(wave)
    return WaveProgress(unapplied=min(unapplied, default=None), unhealthy=min(unhealthy, default=None))


def behind(plan: Plan, wave: int) -> frozenset[ObjectKey]:
    """What waits for a hook: writes of higher waves, and deletions."""
    early = {action.key for action in plan.actions if not _late(action, wave)}
    pulled = list(early)
    while pulled:
        for edge in plan.edges.before(pulled.pop()):
            if edge.before not in early:
                early.add(edge.before)
                pulled.append(edge.before)
    return frozenset(action.key for action in plan.writes if _late(action, wave) and action.key not in early)


def _late(action: Action, wave: int) -> bool:
    if action.drift or action.rollout:
        return False
    return action.manifest is None or (wave_of(action.manifest.obj) or 0) > wave
