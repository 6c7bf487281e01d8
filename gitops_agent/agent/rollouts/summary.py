"""Summary of one rollout, for the status of its Application."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.rollout.describe import awaited, describe
from gitops_agent.rollout.state import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSummary:
    """Where one rollout stands.

    Attributes:
        policy: its policy.
        workload: what it rolls out.
        phase: of the machine.
        weight: percent of the traffic that is to go to the new version.
        message: one line for users.
        running: whether a run is under way.
        promoted: whether the run has promoted its version, and only renews the workload.
        behind: whether a newer version waits for the end of the run.
        refused: whether the API server refuses what the run would apply, so that it does not begin.
        failed: whether the newest version was rolled back.
        waits: whether it waits for a user.
        approval: the approval it waits for, as `hash/step`; empty when for none.
    """

    policy: ObjectKey
    workload: ObjectKey
    phase: str
    weight: int
    message: str
    running: bool
    failed: bool
    waits: bool
    approval: str = ""
    refused: bool = False
    promoted: bool = False
    behind: bool = False

    @classmethod
    def of(cls, rollout: RolloutContext) -> RolloutSummary:
        """The summary of a rollout after its step."""
        state, policy = rollout.state, rollout.subject.policy
        approval = awaited(state, policy)
        return cls(
            policy=rollout.key,
            workload=rollout.subject.workload,
            phase=str(state.phase),
            weight=state.traffic.want.weight,
            message=describe(state, policy),
            running=state.running,
            promoted=state.promoted,
            behind=rollout.head is not None and state.target is not None and rollout.head.hash != state.target.hash,
            refused=bool(rollout.refused) and state.phase is Phase.PENDING,
            failed=state.phase is Phase.HELD,
            waits=state.phase is Phase.PAUSED or bool(approval),
            approval=approval,
        )

    @property
    def open(self) -> bool:
        """Whether a run has yet to decide about the newest version.

        A run that has promoted its version and ends keeps the next one waiting.
        """
        return self.running and (not self.promoted or self.behind)
