"""How an application is: the worst of its objects, with a reason for each that is not as it should be.

What an object says of itself comes with the watch. Why its pods do not start does not: that is asked of the API server, a few
times, for a few objects, and only while something is wrong, so a healthy cluster is never asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.outcome import ObjectIssue
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.observe.log import logger
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health import Health, Status, worst
from gitops_agent.sync.health.explainer import Explainer, Explanation
from gitops_agent.sync.live.live_object import LiveObject

_log = logger("agent")
_ASKED_AT_ONCE = 5
_FIRST_PAUSE_SECONDS = 4.0
_LAST_PAUSE_SECONDS = 60.0


class HealthAssessor:
    """See the module's text.

    Args:
        explainer: asks why.
        clock: monotonic seconds.
    """

    def __init__(self, explainer: Explainer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._explainer, self._clock = explainer, clock

    def judge(
        self, desired: Desired, live: Mapping[ObjectKey, LiveObject], memory: ApplicationState, *, timeout: float
    ) -> tuple[Health, tuple[ObjectIssue, ...], float | None]:
        """The health, what is not healthy (worst first), and seconds after which to look again (None: events tell)."""
        verdicts = {
            manifest.key: live[manifest.key].health if manifest.key in live else Health(Status.MISSING, "Missing", "not there")
            for manifest in desired.manifests
        }
        unhealthy = {key: health for key, health in verdicts.items() if health.status not in (Status.HEALTHY, Status.SUSPENDED)}
        if not unhealthy:
            memory.unhealthy_since, memory.explain_pause = None, _FIRST_PAUSE_SECONDS
            memory.explanations.clear()
            return _resting(verdicts), (), None
        now = self._clock()
        if memory.unhealthy_since is None:
            memory.unhealthy_since, memory.explained_at = now, now
        self._explain(unhealthy, memory, now)
        late = now - memory.unhealthy_since >= timeout
        judged = {
            key: _judged(health, memory.explanations.get(key), late=late, timeout=timeout) for key, health in unhealthy.items()
        }
        problems = tuple(
            ObjectIssue(key=key, reason=health.status.value, message=health.message or health.reason)
            for key, health in sorted(judged.items(), key=lambda item: (-item[1].status.severity, item[0]))
        )
        again = memory.explained_at + memory.explain_pause - now
        if not late:
            again = min(again, memory.unhealthy_since + timeout - now)
        return worst([*judged.values(), *verdicts.values()]), problems, max(0.1, again)

    def _explain(self, unhealthy: Mapping[ObjectKey, Health], memory: ApplicationState, now: float) -> None:
        for gone in memory.explanations.keys() - unhealthy.keys():
            del memory.explanations[gone]
        if now - memory.explained_at < memory.explain_pause:
            return
        memory.explained_at = now
        memory.explain_pause = min(_LAST_PAUSE_SECONDS, memory.explain_pause * 2)
        candidates = [key for key, health in sorted(unhealthy.items()) if health.status is not Status.MISSING]
        for key in candidates[:_ASKED_AT_ONCE]:
            try:
                explanation = self._explainer.explain(key)
            except AgentError as error:
                _log.debug("no explanation", object=str(key), error=error)
                continue
            if explanation is None:
                memory.explanations.pop(key, None)
            else:
                memory.explanations[key] = explanation


def _resting(verdicts: Mapping[ObjectKey, Health]) -> Health:
    """The worst where nothing is unhealthy; what is suspended is named, since no problem will name it."""
    found = worst(verdicts.values())
    if found.status is not Status.SUSPENDED:
        return found
    suspended = sorted(key for key, health in verdicts.items() if health.status is Status.SUSPENDED)
    more = f" (and {len(suspended) - 1} more)" if len(suspended) > 1 else ""
    return Health(found.status, found.reason, f"{suspended[0]}: {verdicts[suspended[0]].message}{more}")


def _judged(health: Health, explanation: Explanation | None, *, late: bool, timeout: float) -> Health:
    """The object's own verdict, sharpened by what its pods say, and no longer patient once time is up."""
    if explanation is not None:
        sure = explanation.certain or health.status is Status.DEGRADED
        status = Status.DEGRADED if sure else health.status
        health = Health(status, explanation.reason, explanation.message)
    if late and health.status in (Status.PROGRESSING, Status.MISSING):
        return Health(Status.DEGRADED, "TimedOut", f"not healthy after {timeout:g} s: {health.message or health.reason}")
    return health
