"""Decides whether windows allow changes now, and when they do next. Pure.

Without a window that allows, changes are allowed; with one, only while such a window is open. A window that denies wins over
all others. A window opens at every moment at which a clock in its time zone shows a time of its schedule, so twice in an hour
that is repeated; times that the clock skips count at the moment of the change, or a freeze would be left out in that night. It
stays open for its duration in real time.

Problem: windows may follow each other without a gap, for years or for ever. Decision: the search for the next opening looks
at so many times of schedules and then reports none in sight; whether a window is open now is always exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from gitops_agent.api.durations import format_duration
from gitops_agent.api.sync_options import Window, WindowAction

_LOOKUPS = 1_000
"""Times of schedules that a search for the next opening looks up at most; each costs some 100 microseconds."""
_FIRST_STEP = timedelta(minutes=1)
_NEVER = timedelta(days=366)
_A_MOMENT = timedelta(microseconds=1)
_A_SECOND = timedelta(seconds=1)


class Occurrences(Protocol):
    """The local times of a schedule."""

    def after(self, local: datetime) -> datetime | None:
        """The first one after a naive local time; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Changes are not allowed now.

    Attributes:
        opens: when they are next, in the time zone of the window that decides; None when no opening is in sight.
        until: until when they are not for sure, aware; the time to look again.
        windows: what closes, in words.
        manual: a person's sync is allowed nevertheless.
    """

    opens: datetime | None
    until: datetime
    windows: str
    manual: bool = False

    def __str__(self) -> str:
        if self.opens is None:
            return f"waits for a window, and none opens in sight ({self.windows})"
        exact = "seconds" if self.opens.second else "minutes"
        return f"waits for the window that opens at {self.opens.isoformat(timespec=exact)} ({self.windows})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWindow:
    """A window with the times of its schedule.

    Attributes:
        window: as declared.
        zone: its time zone.
        occurrences: of its schedule.
    """

    window: Window
    zone: tzinfo
    occurrences: Occurrences

    @property
    def denies(self) -> bool:
        """Whether it denies changes."""
        return self.window.action is WindowAction.DENY

    def start_after(self, moment: datetime) -> datetime | None:
        """When it opens first after a moment; aware, UTC."""
        here = moment.astimezone(self.zone)
        local = here.replace(tzinfo=None, fold=0)
        start = self.occurrences.after(local)
        change = None if here.fold else _repetition(local, self.zone)
        if change is not None and change > moment:
            # Local time runs through these hours twice, and the second pass may hold earlier local times than `local`.
            end = (change - _A_SECOND).astimezone(self.zone).replace(tzinfo=None, fold=0) + _A_SECOND
            if start is None or start >= end:
                start = self.occurrences.after(change.astimezone(self.zone).replace(tzinfo=None, fold=0) - _A_MOMENT)
        if start is None:
            return None
        first = _instant(start, self.zone)
        return first if first > moment else start.replace(tzinfo=self.zone, fold=1).astimezone(UTC)

    def open(self, moment: datetime) -> bool:
        """Whether it is open."""
        start = self.start_after(moment - self.window.duration)
        return start is not None and start <= moment

    def __str__(self) -> str:
        window = self.window
        reason = f": {window.reason}" if window.reason else ""
        return f"{window.action} {window.schedule} for {format_duration(window.duration)}, {window.timezone}{reason}"


def closed(windows: Sequence[TimedWindow], now: datetime) -> Closed | None:
    """Why changes are not allowed now; None when they are.

    Args:
        windows: all of an application.
        now: aware.
    """
    denies = [window for window in windows if window.denies]
    allows = [window for window in windows if not window.denies]
    active = [window for window in denies if window.open(now)]
    if not active and (not allows or any(window.open(now) for window in allows)):
        return None
    closing = active or allows
    opens, until = _Search(denies, allows).opening(now)
    more = f" and {len(closing) - 1} more" if len(closing) > 1 else ""
    return Closed(
        opens=opens, until=until, windows=f"{closing[0]}{more}", manual=all(each.window.manual_sync for each in closing)
    )


class _Search:
    """Searches the next opening, with a bounded number of lookups."""

    def __init__(self, denies: Sequence[TimedWindow], allows: Sequence[TimedWindow]) -> None:
        self._denies, self._allows = denies, allows
        self._lookups = 0

    def opening(self, now: datetime) -> tuple[datetime | None, datetime]:
        """The next opening, and until when all is closed.

        The opening is in the time zone of its window.
        """
        moment, zone = now, now.tzinfo
        while self._lookups < _LOOKUPS:
            ends = [(end, window.zone) for window in self._denies if (end := self._end(window, moment)) is not None]
            if ends:
                moment, zone = max(ends, key=lambda end: end[0])
                continue
            if not self._allows or any(self._end(window, moment) is not None for window in self._allows):
                return moment.astimezone(zone), moment
            starts = [(start, window.zone) for window in self._allows if (start := self._start(window, moment)) is not None]
            if not starts:
                return None, moment + _NEVER
            moment, zone = min(starts, key=lambda start: start[0])
        return None, moment

    def _start(self, window: TimedWindow, moment: datetime) -> datetime | None:
        self._lookups += 1
        return window.start_after(moment)

    def _end(self, window: TimedWindow, moment: datetime) -> datetime | None:
        """A moment until which it is open; None when it is closed.

        The latest opening counts, and the schedule knows only what follows: so it is looked for from shortly before, and from
        twice as long before each time.
        """
        duration = window.window.duration
        back = min(_FIRST_STEP, duration)
        while True:
            start = self._start(window, moment - back)
            if start is not None and start <= moment:
                return start + duration
            if back == duration:
                return None
            back = min(back * 2, duration)


def _instant(local: datetime, zone: tzinfo) -> datetime:
    """When a clock first shows a local time, or skips it; UTC."""
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return moment
    return _change(local.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)


def _repetition(local: datetime, zone: tzinfo) -> datetime | None:
    """When a clock will be set back and repeat a local time."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return _change(first, second, zone) if first < second else None


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The second between two moments at which the clock is set."""
    offset = after.astimezone(zone).utcoffset()
    before = before.replace(microsecond=0)
    low, high = 0, -((before - after) // _A_SECOND)
    while low + 1 < high:
        middle = (low + high) // 2
        if (before + middle * _A_SECOND).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return before + high * _A_SECOND
