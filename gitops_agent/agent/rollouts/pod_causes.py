"""Explains why the pods of a rollout do not come up.

Problem: a rollback ends the pods that could have said why it happened, and the workload says only how many are missing.
Decision: while the pods of a version are waited for they are queried with growing pauses, and once more when the deadline has
passed; the step takes the answer into the state of the run, where it outlives them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.observe.log import logger
from gitops_agent.rollout.observation import Observation, WorkloadStatus
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.sync.health.explainer import Explainer

_log = logger("rollout")
_FIRST_SECONDS = 2.0
_LAST_SECONDS = 30.0
_OVERDUE_SECONDS = 1.0
_LONGEST = 400
"""Characters of a cause."""

_CANARY = frozenset({Stage.SCALE, Stage.ROUTE, Stage.HOLD, Stage.CUT_SCALE, Stage.CUT_ROUTE, Stage.CUT_HOLD})
_WORKLOAD = frozenset({Stage.ROLL, Stage.WATCH})


@dataclass(slots=True)
class _Look:
    """The last query about the pods of one version."""

    workload: ObjectKey
    version: str
    at: float
    pause: float
    cause: str = ""


class PodCauses:
    """Causes of missing pods, by policy.

    Args:
        objects: of the cluster.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._explainer, self._clock = Explainer(objects), clock
        self._looks: dict[ObjectKey, _Look] = {}

    def complete(self, rollout: RolloutContext, observation: Observation, *, overdue: bool) -> Observation:
        """The observation with the cause of the pods that are waited for.

        Args:
            rollout: the one that was observed.
            observation: of it.
            overdue: the progress deadline has passed, so this look may be the last.
        """
        workload, pods = _awaited(rollout, observation)
        version = rollout.state.target.hash if rollout.state.target is not None else ""
        if workload is None or pods is None:
            self._looks.pop(rollout.key, None)
            return observation
        look = self._looks.get(rollout.key)
        if look is None or (look.workload, look.version) != (workload, version):
            look = self._looks[rollout.key] = _Look(workload, version, self._clock(), _FIRST_SECONDS)
        since = self._clock() - look.at
        if since >= (_OVERDUE_SECONDS if overdue else look.pause):
            self._explain(look)
        if not look.cause:
            return observation
        explained = replace(pods, cause=look.cause)
        if workload == rollout.subject.workload:
            return replace(observation, primary=explained)
        return replace(observation, canary=explained)

    def due(self, policy: ObjectKey) -> float | None:
        """Seconds until the next look; None without one."""
        look = self._looks.get(policy)
        return None if look is None else max(0.0, look.at + look.pause - self._clock())

    def forget(self, policy: ObjectKey) -> None:
        """Drops the memory of a policy."""
        self._looks.pop(policy, None)

    def _explain(self, look: _Look) -> None:
        look.at, look.pause = self._clock(), min(_LAST_SECONDS, look.pause * 2)
        try:
            explanation = self._explainer.explain(look.workload)
        except AgentError as error:
            _log.debug("no explanation", object=str(look.workload), error=error)
            return
        if explanation is not None:
            look.cause = f"{explanation.reason}: {explanation.message}"[:_LONGEST]


def _awaited(rollout: RolloutContext, observation: Observation) -> tuple[ObjectKey | None, WorkloadStatus | None]:
    """The workload whose pods are waited for, and its status."""
    state = rollout.state
    if _of_canary(state) and rollout.canary is not None:
        pods = observation.canary
        short = pods is not None and pods.available < max(state.canary, 1)
        return (rollout.canary, pods) if short else (None, None)
    pods = observation.primary
    if state.phase is Phase.PROMOTE and state.stage in _WORKLOAD and pods is not None and not pods.complete:
        return rollout.subject.workload, pods
    return None, None


def _of_canary(state: RolloutState) -> bool:
    return state.phase is Phase.PROVISION or (state.phase in {Phase.STEP, Phase.PROMOTE} and state.stage in _CANARY)
