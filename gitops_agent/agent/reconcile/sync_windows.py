"""Judges the windows of an application, and remembers what passes them.

A plan that has begun is finished, whether its window closes meanwhile or not: half of a commit is worse than a late one. So the
commit under way is remembered, and after a start the marks of the live objects say whether some are of the newest commit
already. The same memory serves a commit that a user let through a closed window, by an approval or a sync.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from gitops_agent.agent.scheduler import cron_occurrences
from gitops_agent.api.cron import parse_cron
from gitops_agent.api.sync_options import Window
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.windows import Closed, TimedWindow, closed


@dataclass(slots=True)
class WindowMemo:
    """What is remembered of the windows of one application.

    Attributes:
        windows: as declared when they were judged last.
        verdict: what closed them then; None when nothing did.
        judged_at: when that was; a clock that was set back knows better.
        admitted: the commit that goes on in a closed window, because it has begun or a user let it through.
        returned: the last healthy commit that was admitted in place of a rejected one.
        restored: whether a commit that an earlier process began was looked for.
    """

    windows: tuple[Window, ...] = ()
    verdict: Closed | None = None
    judged_at: datetime | None = None
    admitted: str = ""
    returned: str = ""
    restored: bool = False

    def closed(self, windows: tuple[Window, ...], now: datetime) -> Closed | None:
        """Why changes are not allowed now; None when they are."""
        kept = self.verdict is not None and self.judged_at is not None and self.judged_at <= now < self.verdict.until
        if kept and self.windows == windows:
            return self.verdict
        self.windows, self.verdict, self.judged_at = windows, closed_now(windows, now), now
        return self.verdict

    def admit_return(self, commit: str) -> None:
        """Admits, once, the last healthy commit in place of a rejected one.

        Args:
            commit: the healthy one; empty where the newest commit is applied.
        """
        if commit and commit != self.returned:
            self.admitted = commit
        self.returned = commit

    def restore(self, commit: str, applied: str, live: Iterable[LiveObject]) -> None:
        """Admits, once, a commit that an earlier process began.

        Args:
            commit: the newest one.
            applied: the last one whose every object is applied.
            live: the objects of the application, all of them.
        """
        if self.restored:
            return
        self.restored = True
        if commit != applied and any(each.revision == commit for each in live):
            self.admitted = commit


def closed_now(windows: tuple[Window, ...], now: datetime) -> Closed | None:
    """Why windows allow no changes; None when they do."""
    return closed(_timed(windows), now) if windows else None


@lru_cache(maxsize=256)
def _timed(windows: tuple[Window, ...]) -> tuple[TimedWindow, ...]:
    return tuple(
        TimedWindow(window=window, zone=ZoneInfo(window.timezone), occurrences=cron_occurrences(parse_cron(window.schedule)))
        for window in windows
    )
