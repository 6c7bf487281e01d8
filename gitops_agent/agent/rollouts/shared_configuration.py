"""Configuration that another rollout, which was rolled back, keeps from a version.

Problem: a ConfigMap that two workloads read has one content. The rollback of one keeps it as its stable pods read it, and the
other workload waited for its own content until the deadline rolled it back too, with a reason that named neither.
Decision: such a version does not begin before the first is corrected, reverted or tried again. One that is under way when the
other fails is given up with it, and returns with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.rollout.held_objects import Commits, bound
from gitops_agent.rollout.state import Phase, Stage
from gitops_agent.sync import object_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """A rolled back rollout, and the object that it keeps."""

    rollout: RolloutContext
    key: ObjectKey

    @property
    def reason(self) -> str:
        """Why the version waits, and what ends that."""
        policy = self.rollout.key
        return (
            f"{self.key} is needed by {self.rollout.subject.workload} as it is, because {policy.name} was rolled back: correct "
            f"that version, revert it, or try it again with `gitops-agent rollout retry {policy.namespace}/{policy.name}`"
        )


def keeper(rollout: RolloutContext, rollouts: Iterable[RolloutContext]) -> Keeper | None:
    """The rollout that keeps configuration of another's target, if any."""
    if not rollout.state.running or rollout.state.given_up:
        return None
    taken = _needed(replace(rollout, state=replace(rollout.state, phase=Phase.PROMOTE, stage=Stage.ROLL)))
    for other in rollouts:
        if other is rollout or not other.state.rolled_back:
            continue
        for key in sorted(taken & _needed(other)):
            old, new = other.stable.get(key), rollout.target.get(key)
            if old is not None and new is not None and old.digest != new.digest and not _create_only(new.obj):
                return Keeper(rollout=other, key=key)
    return None


def _needed(rollout: RolloutContext) -> frozenset[ObjectKey]:
    commits = Commits(stable=rollout.stable, target=rollout.target, newest={})
    return bound(rollout.state, commits, rollout.subject.workload)


def _create_only(obj: dict[str, object]) -> bool:
    return object_options.read(obj)[0].create_only
