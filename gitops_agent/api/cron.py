"""Parses cron schedules of five fields, and refuses what they cannot mean.

Problem: cron has no standard, and a schedule that is read in another way than it was meant opens a window at the wrong time.
Decision: it means what it means in a CronJob and in Argo CD's sync windows: `*`, lists, ranges and steps, names of months and
weekdays, Sunday as 0 or 7; where both the day of the month and the weekday are restricted, either is enough. A day that no
month has is refused, because its window would never open.
"""

from __future__ import annotations

from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEK = 7
_DIGITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One field of a schedule.

    Attributes:
        name: for people.
        lowest: the smallest number.
        highest: the largest number.
        names: of numbers, from `lowest` on.
    """

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> tuple[frozenset[int], bool]:
        """The numbers of a field, and whether it restricts anything.

        Raises:
            ValueError: it is wrong; the text never repeats the value.
        """
        numbers: set[int] = set()
        free = False
        for part in text.lower().split(","):
            span, slash, step = part.partition("/")
            every = self._number(step, lowest=1) if slash else 1
            first, last = self._span(span, open_ended=bool(slash))
            numbers |= set(range(first, last + 1, every))
            free = free or (span in ("*", "?") and every == 1)
        return frozenset(numbers), not free

    def _span(self, text: str, *, open_ended: bool) -> tuple[int, int]:
        """The first and the last number of a range."""
        if text in ("*", "?"):
            return self.lowest, self.highest
        begin, dash, end = text.partition("-")
        first = self._value(begin)
        last = self._value(end) if dash else self.highest if open_ended else first
        if last < first:
            raise ValueError(f"the range of the {self.name} ends before it begins")
        return first, last

    def _value(self, text: str) -> int:
        if text in self.names:
            return self.lowest + self.names.index(text)
        return self._number(text, lowest=self.lowest)

    def _number(self, text: str, *, lowest: int) -> int:
        highest = _WEEK if self.names is _WEEKDAYS else self.highest
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and lowest <= int(text) <= highest):
            raise ValueError(f"the {self.name} is not between {lowest} and {highest}")
        return int(text)


_FIELDS = (
    _Field(name="minute", lowest=0, highest=59),
    _Field(name="hour", lowest=0, highest=23),
    _Field(name="day of the month", lowest=1, highest=31),
    _Field(name="month", lowest=1, highest=12, names=_MONTHS),
    _Field(name="weekday", lowest=0, highest=6, names=_WEEKDAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSchedule:
    """A cron schedule as sets of numbers.

    Attributes:
        minutes: of the hour.
        hours: of the day.
        days: of the month, from 1 on.
        months: from 1 on.
        weekdays: 0 is Sunday.
        either: a day of `days` or one of `weekdays` is enough; else it has to be both.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool


def parse_cron(text: str) -> CronSchedule:
    """The schedule that a text spells.

    Raises:
        ValueError: it is none, or one that never comes; the text never repeats the value.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError("is not a cron schedule of five fields")
    (minutes, _), (hours, _), (days, by_day), (months, _), (weekdays, by_weekday) = (
        field.parse(part) for field, part in zip(_FIELDS, parts, strict=True)
    )
    either = by_day and by_weekday
    if not either and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError("names a day that none of its months has")
    return CronSchedule(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(weekday % _WEEK for weekday in weekdays),
        either=either,
    )
