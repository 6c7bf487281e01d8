"""Notes of a rollout's status, and what it holds back."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.loader import part
from gitops_agent.agent.rollouts.rollout_pass import RolloutPass
from gitops_agent.api.conditions import find_condition
from gitops_agent.rollout.advisories import notes
from gitops_agent.rollout.compose import withheld
from gitops_agent.rollout.state import Phase

_NOTE_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a user is to know.

    Attributes:
        notes: advisories, one line each.
        held: what differs from the newest commit because of the rollout, and why, one line each.
    """

    notes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @classmethod
    def of(cls, current: RolloutPass, rollout: RolloutContext) -> Advice:
        """The advice on a rollout as it stands."""
        return cls(notes=_notes(current, rollout), held=_held(current, rollout))

    def missing(self, rollout: RolloutContext, last: Advice | None) -> bool:
        """Whether the status is outdated, or advises or refuses otherwise.

        Args:
            rollout: with the live policy.
            last: what was written last. A schema that is older than the agent drops fields, which are then written once.
        """
        status = rollout.raw.get("status") or {}
        if status.get("observedGeneration") != rollout.raw["metadata"].get("generation"):
            return True
        ready = find_condition(status.get("conditions"), "Ready") or {}
        if (ready.get("reason") == "RolloutRefused") != bool(rollout.flaw):
            return True
        shown = Advice(notes=tuple(status.get("notes") or ()), held=tuple(status.get("held") or ()))
        return self not in (shown, last)


def _notes(current: RolloutPass, rollout: RolloutContext) -> tuple[str, ...]:
    """The advisories of a rollout."""
    head, refused = current.request.head, current.refused
    advice = notes(rollout.state, rollout.subject, rollout.target, unknown=head.unscoped if head else frozenset())
    if refused is None:
        return advice
    return (f"the newest commit is refused, and the rollout stays with the one before: {refused}"[:_NOTE_LIMIT], *advice)


def _held(current: RolloutPass, rollout: RolloutContext) -> tuple[str, ...]:
    """What the rollout holds back of the newest commit."""
    if current.base is None or rollout.state.phase is Phase.IDLE:
        return ()
    return tuple(str(held) for held in withheld(current.base.manifests, part(rollout)))
