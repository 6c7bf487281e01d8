"""Events of drift and fights: what deviates, is restored, or changed back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitops_agent.agent.ports import EventSink
from gitops_agent.api.application import Application
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.drift.fight_detector import FightDetector
from gitops_agent.sync.drift.report import DriftReport, describe
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.planning.plan import Plan

_log = logger("agent")
_OBJECTS_SHOWN = 10
_PATHS_SHOWN = 3
_TEXT_LIMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One object that deviates from Git, with what deviates."""

    action: Action
    report: DriftReport


class DriftReporter:
    """Counts, logs and publishes the drift of plans; thread-safe.

    Args:
        events: take the events.
        fights: count the repairs of each object.
    """

    def __init__(self, events: EventSink, fights: FightDetector) -> None:
        self._events, self._fights = events, fights

    def leave_fights(self, plan: Plan) -> Plan:
        """The plan without the objects that others keep changing back."""
        fought = {action.key for action in plan.writes if action.drift and self._fights.fighting(action.key)}
        if not fought:
            return plan
        actions = tuple(
            replace(action, kind=ActionKind.SKIP, reason="Fighting", message=_opponent(action))
            if action.key in fought
            else action
            for action in plan.actions
        )
        return replace(plan, actions=actions)

    def cooldown(self, fought: Collection[ObjectKey]) -> float | None:
        """Seconds until the first object is repaired again; None without objects."""
        return min((self._fights.seconds(key) + 1.0 for key in fought), default=None)

    def detected(self, application: Application, plan: Plan, snapshot: Snapshot) -> tuple[Drift, ...]:
        """Publishes the drift a plan is about to repair.

        Raises:
            AgentError: the events could not be saved; nothing has been repaired yet.
        """
        drifts, fights = [], []
        for action in plan.writes:
            if not action.drift or action.manifest is None:
                continue
            live = snapshot.objects.get(action.key)
            report = describe(action.manifest, live.evidence if live else None)
            drifts.append(Drift(action=action, report=report))
            if self._fights.repaired(action.key):
                fights.append(action)
            metrics.DRIFTS.labels(str(application.key)).inc()
            _log.info(
                "drift", object=str(action.key), paths=[change.path for change in report.changes][:10], managers=report.managers
            )
        if drifts:
            now = datetime.now(UTC)
            events = [drift_detected(application.key, plan, drifts, now=now)]
            events += [fighting(application.key, plan, action, now=now) for action in fights]
            self._events.emit(application.raw, events)
        return tuple(drifts)

    def repaired(self, application: Application, drifts: Sequence[Drift], done: Collection[ObjectKey]) -> None:
        """Publishes which of the drift has been repaired.

        Raises:
            AgentError: the event could not be saved.
        """
        repaired = [drift for drift in drifts if drift.action.key in done]
        if repaired:
            self._events.emit(application.raw, [drift_repaired(application.key, repaired, now=datetime.now(UTC))])


def drift_detected(application: AppKey, plan: Plan, drifts: Sequence[Drift], *, now: datetime) -> Event:
    """The event of objects that deviate; the first of them are named."""
    shown = [f"{drift.action.key}: {str(drift.report) or 'is missing'}" for drift in drifts[:_OBJECTS_SHOWN]]
    return Event(
        type=EventType.DRIFT_DETECTED,
        application=application,
        at=now,
        severity=Severity.WARNING,
        reason="Drifted",
        message="; ".join(shown)[:_TEXT_LIMIT],
        revision=plan.revision,
        objects=tuple(drift.action.key for drift in drifts[:_OBJECTS_SHOWN]),
    )


def drift_repaired(application: AppKey, drifts: Sequence[Drift], *, now: datetime) -> Event:
    """The event of restored objects; the first of them are named."""
    shown = [f"{drift.action.key}: {_paths(drift.report) or 'the object'} restored" for drift in drifts[:_OBJECTS_SHOWN]]
    return Event(
        type=EventType.DRIFT_REPAIRED,
        application=application,
        at=now,
        severity=Severity.INFO,
        reason="Repaired",
        message="; ".join(shown)[:_TEXT_LIMIT],
        objects=tuple(drift.action.key for drift in drifts[:_OBJECTS_SHOWN]),
    )


def fighting(application: AppKey, plan: Plan, action: Action, *, now: datetime) -> Event:
    """The event of an object that others keep changing back."""
    return Event(
        type=EventType.FIGHTING,
        application=application,
        at=now,
        severity=Severity.WARNING,
        reason="Fighting",
        message=f"{action.key}: {_opponent(action)}",
        revision=plan.revision,
        objects=(action.key,),
    )


def _opponent(action: Action) -> str:
    """Which manager keeps changing which fields, in words."""
    report = describe(action.manifest, action.live.evidence) if action.manifest and action.live else DriftReport()
    managers = ", ".join(report.managers) or "another writer"
    return f"{managers} keeps changing {_paths(report) or 'it'} back: left alone until that ends"


def _paths(report: DriftReport) -> str:
    return ", ".join(change.field for change in report.changes[:_PATHS_SHOWN])
