"""What is wrong with Applications now, read from their statuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.conditions import find_condition
from gitops_agent.api.notifier import LabelSelector
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.reading import mapping
from gitops_agent.notify.message import Message
from gitops_agent.revision.revision import Revision


class IncidentLevels:
    """The incidents of the Applications; thread-safe.

    Args:
        applications: with their statuses.
    """

    def __init__(self, applications: ApplicationStore) -> None:
        self._applications = applications

    @property
    def ready(self) -> bool:
        """Whether there are Applications, so that all of them were listed."""
        return bool(self._applications.keys())

    def firing(self, selector: LabelSelector) -> Sequence[Message]:
        """The messages that begin the incidents of now."""
        messages: list[Message] = []
        for key in self._applications.staying():
            raw = self._applications.raw(key)
            if raw is not None and selector.matches(raw["metadata"].get("labels") or {}):
                messages += (Message.of(event) for event in incidents(key, raw))
        return messages


def incidents(application: AppKey, raw: Object) -> Iterator[Event]:
    """The events that began what is wrong with an Application. Pure."""
    status = mapping(raw, "status")
    conditions, source, health = status.get("conditions"), mapping(status, "source"), mapping(status, "health")
    synced, stalled = find_condition(conditions, "Synced") or {}, find_condition(conditions, "Stalled") or {}

    def event(type_: EventType, since: object, reason: object, text: object, commit: object = "") -> Event:
        return Event(
            type=type_,
            application=application,
            at=_moment(since),
            severity=Severity.WARNING if type_ is EventType.SOURCE_UNAVAILABLE else Severity.ERROR,
            reason=str(reason or type_.value),
            message=str(text or ""),
            revision=_revision(raw, str(commit or source.get("revision") or "")),
        )

    if away := source.get("unavailableSince"):
        yield event(EventType.SOURCE_UNAVAILABLE, away, "", source.get("message"))
    if stalled.get("status") == "True":
        yield event(EventType.STALLED, stalled.get("lastTransitionTime"), stalled.get("reason"), stalled.get("message"))
    elif synced.get("status") == "False" and reason_of(str(synced.get("reason"))).kind is ReasonKind.FAILURE:
        yield event(EventType.SYNC_FAILED, synced.get("lastTransitionTime"), synced.get("reason"), synced.get("message"))
    if health.get("status") == "Degraded" or health.get("degradedRevision"):
        since = (find_condition(conditions, "Healthy") or {}).get("lastTransitionTime")
        text = "; ".join(str(reason) for reason in health.get("reasons") or ())
        yield event(EventType.DEGRADED, since, "", text, health.get("degradedRevision"))


def _revision(raw: Object, commit: str) -> Revision | None:
    followed, newest = mapping(mapping(raw, "spec"), "source"), mapping(mapping(raw, "status"), "source")
    if not commit:
        return None
    return Revision(
        repository=str(followed.get("repoURL") or mapping(followed, "chart").get("repository") or ""),
        ref=next((str(value) for value in mapping(followed, "ref").values()), ""),
        commit=commit,
        author=str(newest.get("author") or "") if newest.get("revision") == commit else "",
        subject=str(newest.get("subject") or "") if newest.get("revision") == commit else "",
    )


def _moment(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
