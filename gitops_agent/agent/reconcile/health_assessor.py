"""Assesses the health of an application: the worst of its objects.

Each unhealthy object gets a reason. Its own status comes with the watch. Why its pods do not start does not: that is queried
from the API server, a few times, for a few objects, and only while some object is unhealthy, so a healthy cluster costs no
request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gitops_agent.agent.reconcile.outcome import ObjectIssue
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.observe.log import logger
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health import Health, Status, worst
from gitops_agent.sync.health.explainer import Explainer, Explanation
from gitops_agent.sync.live.live_object import LiveObject

_log = logger("agent")
_ASKED_AT_ONCE = 5
_FIRST_PAUSE_SECONDS = 4.0
_LAST_PAUSE_SECONDS = 60.0


@dataclass(slots=True)
class HealthMemo:
    """What the assessor remembers of one application.

    Attributes:
        unhealthy_since: monotonic time since when the application is not Healthy, None while it is.
        explanations: why objects are not healthy, as last queried.
        explained_at: monotonic time of the last query.
        explain_pause: seconds until the next one.
    """

    unhealthy_since: float | None = None
    explanations: dict[ObjectKey, Explanation] = field(default_factory=dict)
    explained_at: float = 0.0
    explain_pause: float = _FIRST_PAUSE_SECONDS


class HealthReport(NamedTuple):
    """Health of an application.

    Attributes:
        health: the worst of its objects.
        problems: its unhealthy objects, worst first.
        recheck: seconds after which to assess it again; None when an event triggers that.
    """

    health: Health
    problems: tuple[ObjectIssue, ...] = ()
    recheck: float | None = None


class HealthAssessor:
    """Assesses health from live objects, and explains what is not healthy.

    Args:
        explainer: queries why pods do not start.
        clock: monotonic seconds.
    """

    def __init__(self, explainer: Explainer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._explainer, self._clock = explainer, clock

    def assess(
        self, desired: Desired, live: Mapping[ObjectKey, LiveObject], memo: HealthMemo, *, timeout: float
    ) -> HealthReport:
        """The health of the desired objects.

        Args:
            desired: what should be live.
            live: what is.
            memo: of the application.
            timeout: seconds after which an object that progresses counts as degraded.

        An Application that declares itself does not count: its health would be computed from itself.
        """
        itself = APPLICATION.named(*desired.application)
        verdicts = {
            manifest.key: live[manifest.key].health if manifest.key in live else Health(Status.MISSING, "Missing", "not there")
            for manifest in desired.manifests
            if manifest.key != itself
        }
        unhealthy = {key: health for key, health in verdicts.items() if health.status not in (Status.HEALTHY, Status.SUSPENDED)}
        if not unhealthy:
            memo.unhealthy_since, memo.explain_pause = None, _FIRST_PAUSE_SECONDS
            memo.explanations.clear()
            return HealthReport(_resting(verdicts))
        now = self._clock()
        if memo.unhealthy_since is None:
            memo.unhealthy_since, memo.explained_at = now, now
        self._explain(unhealthy, memo, now)
        late = now - memo.unhealthy_since >= timeout
        judged = {
            key: _judged(health, memo.explanations.get(key), late=late, timeout=timeout) for key, health in unhealthy.items()
        }
        problems = tuple(
            ObjectIssue(key=key, reason=health.status.value, message=health.message or health.reason)
            for key, health in sorted(judged.items(), key=lambda item: (-item[1].status.severity, item[0]))
        )
        again = memo.explained_at + memo.explain_pause - now
        if not late:
            again = min(again, memo.unhealthy_since + timeout - now)
        return HealthReport(worst([*judged.values(), *verdicts.values()]), problems, max(0.1, again))

    def _explain(self, unhealthy: Mapping[ObjectKey, Health], memo: HealthMemo, now: float) -> None:
        for gone in memo.explanations.keys() - unhealthy.keys():
            del memo.explanations[gone]
        if now - memo.explained_at < memo.explain_pause:
            return
        memo.explained_at = now
        memo.explain_pause = min(_LAST_PAUSE_SECONDS, memo.explain_pause * 2)
        candidates = [key for key, health in sorted(unhealthy.items()) if health.status is not Status.MISSING]
        for key in candidates[:_ASKED_AT_ONCE]:
            try:
                explanation = self._explainer.explain(key)
            except AgentError as error:
                _log.debug("no explanation", object=str(key), error=error)
                continue
            if explanation is None:
                memo.explanations.pop(key, None)
            else:
                memo.explanations[key] = explanation


def _resting(verdicts: Mapping[ObjectKey, Health]) -> Health:
    """The worst health without unhealthy objects; it names a suspended one."""
    health = worst(verdicts.values())
    if health.status is not Status.SUSPENDED:
        return health
    suspended = sorted(key for key, health in verdicts.items() if health.status is Status.SUSPENDED)
    more = f" (and {len(suspended) - 1} more)" if len(suspended) > 1 else ""
    return Health(health.status, health.reason, f"{suspended[0]}: {verdicts[suspended[0]].message}{more}")


def _judged(health: Health, explanation: Explanation | None, *, late: bool, timeout: float) -> Health:
    """The object's own health, refined by its pods and the timeout."""
    if explanation is not None:
        sure = explanation.certain or health.status is Status.DEGRADED
        status = Status.DEGRADED if sure else health.status
        health = Health(status, explanation.reason, explanation.message)
    if late and health.status in (Status.PROGRESSING, Status.MISSING):
        return Health(Status.DEGRADED, "TimedOut", f"not healthy after {timeout:g} s: {health.message or health.reason}")
    return health
