"""The event of a branch whose history was rewritten."""

from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.api.application import Application
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.source.sources import Move


def rewritten(application: Application, move: Move) -> Event:
    """The event for an application that follows the branch."""
    lost = f"{move.lost} commits" if move.lost >= 0 else "an unknown number of commits"
    return Event(
        type=EventType.HISTORY_REWRITTEN,
        application=application.key,
        at=datetime.now(UTC),
        severity=Severity.WARNING,
        reason="HistoryRewritten",
        message=f"{move.ref.value} was rewritten: {move.old[:12]} → {move.new[:12]}, {lost} lost",
        facts={"old": move.old, "new": move.new, "lost": move.lost},
    )
