from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.agent.scheduler import cron_occurrences
from gitops_agent.api.cron import CronSchedule, parse_cron
from gitops_agent.api.durations import format_duration
from gitops_agent.api.sync_options import Window, WindowAction
from gitops_agent.sync.windows import TimedWindow, closed

MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
CHANGES = (
    "2026-03-28T22:00+00:00",  # Europe/Berlin, an hour is skipped
    "2026-10-24T22:00+00:00",  # Europe/Berlin, an hour is repeated
    "2026-03-08T03:00+00:00",  # America/New_York
    "2026-11-01T02:00+00:00",
    "2026-04-04T12:00+00:00",  # Australia/Lord_Howe, half an hour
    "2026-10-03T12:00+00:00",
    "2011-12-30T06:00+00:00",  # Pacific/Apia skips a day
    "2028-02-28T12:00+00:00",  # a leap day
    "2026-12-31T12:00+00:00",
)


def timed(schedule: str, duration: str, zone: str = "UTC", action: str = "deny", **fields: object) -> TimedWindow:
    window = Window.model_validate(
        {"schedule": schedule, "duration": duration, "timezone": zone, "action": action, **fields}, by_alias=True
    )
    return TimedWindow(window=window, zone=ZoneInfo(zone), occurrences=cron_occurrences(parse_cron(schedule)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# Brute force: every minute of a few days


def matches(schedule: CronSchedule, local: datetime) -> bool:
    day, weekday = local.day in schedule.days, (local.weekday() + 1) % 7 in schedule.weekdays
    return (
        local.minute in schedule.minutes
        and local.hour in schedule.hours
        and local.month in schedule.months
        and ((day or weekday) if schedule.either else (day and weekday))
    )


def starts(schedule: CronSchedule, zone: tzinfo, first: datetime, count: int) -> list[bool]:
    """Whether a window opens in each minute, skipped times included."""
    opens = []
    before = (first - MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
    for number in range(count):
        local = (first + number * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
        skipped = (local - before) // MINUTE
        opens.append(any(matches(schedule, local - back * MINUTE) for back in range(max(skipped, 1))))
        before = local
    return opens


def opened(window: TimedWindow, first: datetime, count: int) -> list[bool]:
    """Whether a window is open in each minute."""
    length = window.window.duration // MINUTE
    begin = first - length * MINUTE
    all_starts = starts(parse_cron(window.window.schedule), window.zone, begin, count + length)
    left, result = 0, []
    for start in all_starts:
        left = length if start else left - 1
        result.append(left > 0)
    return result[length:]


def field(lowest: int, highest: int) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(lowest, highest), min_size=1, max_size=4).map(lambda values: ",".join(map(str, values)))
    steps = st.integers(1, max(2, (highest - lowest) // 2)).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), st.just("*"), numbers, steps)


schedules = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)
windows = st.builds(
    timed,
    schedules,
    st.integers(1, 60 * 30).map(lambda minutes: format_duration(minutes * MINUTE)),
    st.sampled_from(ZONES),
    st.sampled_from(["allow", "deny"]),
)


@given(windows=st.lists(windows, min_size=1, max_size=3), near=st.sampled_from(CHANGES), shift=st.integers(0, 36 * 60))
def test_windows_are_open_and_open_next_as_every_minute_says(windows: list[TimedWindow], near: str, shift: int) -> None:
    now, count = at(near) + shift * MINUTE, 60 * 30
    minutes = [opened(window, now, count) for window in windows]
    allows = [minutes[i] for i, window in enumerate(windows) if not window.denies]
    denies = [minutes[i] for i, window in enumerate(windows) if window.denies]
    allowed = [
        not any(deny[minute] for deny in denies) and (not allows or any(allow[minute] for allow in allows))
        for minute in range(count)
    ]

    verdict = closed(windows, now)

    assert (verdict is None) == allowed[0]
    if verdict is not None:
        next_one = next((now + minute * MINUTE for minute in range(count) if allowed[minute]), None)
        if next_one is not None and verdict.opens is not None:
            assert verdict.opens == verdict.until == next_one
        elif next_one is not None:
            assert now < verdict.until <= next_one
        else:
            assert verdict.until >= now + count * MINUTE or verdict.opens is None


# Rules


def test_without_windows_everything_is_allowed() -> None:
    assert closed((), at("2026-11-30T12:00+00:00")) is None


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-11-30T21:59:59+01:00", False),
        ("2026-11-30T22:00+01:00", True),
        ("2026-12-01T05:59:59+01:00", True),
        ("2026-12-01T06:00+01:00", False),
    ],
)
def test_a_window_opens_with_its_schedule_and_closes_after_its_duration(now: str, open_: bool) -> None:  # noqa: FBT001 - a table
    assert timed("0 22 * * *", "8h", "Europe/Berlin").open(at(now)) is open_


def test_a_window_that_denies_wins_and_names_its_end() -> None:
    allow = timed("0 8 * * *", "10h", "Europe/Berlin", "allow")
    deny = timed("30 11 * * 1-5", "1h", "Europe/Berlin", reason="lunch")

    verdict = closed([allow, deny], at("2026-11-30T12:00+01:00"))

    assert str(verdict) == (
        "waits for the window that opens at 2026-11-30T12:30+01:00 (deny 30 11 * * 1-5 for 1h, Europe/Berlin: lunch)"
    )


def test_the_next_opening_skips_what_is_denied() -> None:
    allow = timed("0 22 * * *", "1h", "Europe/Berlin", "allow")
    deny = timed("0 0 1 12 *", "48h", "Europe/Berlin")

    verdict = closed([allow, deny], at("2026-11-30T23:30+01:00"))

    assert verdict is not None
    assert verdict.opens == at("2026-12-03T22:00+01:00")
    assert verdict.windows == "allow 0 22 * * * for 1h, Europe/Berlin"


def test_a_deny_that_begins_when_an_allowed_time_does_leaves_its_rest() -> None:
    allow, deny = timed("0 22 * * *", "2h", action="allow"), timed("0 22 * * *", "90m")

    verdict = closed([allow, deny], at("2026-11-30T12:00+00:00"))

    assert verdict is not None
    assert verdict.opens == at("2026-11-30T23:30+00:00")


@pytest.mark.parametrize("schedule", ["0 0 * * *", "* * * * *", "0 0,12 * * *"])
def test_windows_without_a_gap_have_no_opening_in_sight(schedule: str) -> None:
    now = at("2026-11-30T12:00+00:00")

    verdict = closed([timed(schedule, "24h")], now)

    assert verdict is not None
    assert verdict.opens is None
    assert verdict.until > now
    assert str(verdict).startswith("waits for a window, and none opens in sight (deny ")


def test_a_leap_day_is_found_years_ahead() -> None:
    verdict = closed([timed("0 12 29 2 *", "1h", action="allow")], at("2096-03-01T00:00+00:00"))

    assert verdict is not None
    assert verdict.opens == at("2104-02-29T12:00+00:00")


def test_a_freeze_of_weeks_ends_in_the_new_year() -> None:
    verdict = closed([timed("0 0 20 12 *", "336h", "Europe/Berlin")], at("2026-12-24T18:00+01:00"))

    assert verdict is not None
    assert verdict.opens == at("2027-01-03T00:00+01:00")


def test_an_hour_that_is_skipped_opens_its_windows_at_the_change() -> None:
    window = timed("30 2 * * *", "1h", "Europe/Berlin")

    assert not window.open(at("2026-03-29T00:59+00:00"))
    assert window.open(at("2026-03-29T01:00+00:00"))
    assert window.open(at("2026-03-29T01:59+00:00"))
    assert not window.open(at("2026-03-29T02:00+00:00"))


def test_an_hour_that_is_repeated_opens_its_windows_twice() -> None:
    window = timed("30 2 * * *", "10m", "Europe/Berlin")

    assert [window.open(at(f"2026-10-25T0{hour}:35+00:00")) for hour in (0, 1, 2)] == [True, True, False]


def test_a_night_with_a_change_of_the_clock_keeps_its_real_duration() -> None:
    window = timed("0 22 * * *", "8h", "Europe/Berlin")

    assert window.open(at("2026-03-29T06:59+02:00"))
    assert not window.open(at("2026-03-29T07:00+02:00"))


@pytest.mark.parametrize(
    ("manual", "allowed"), [((True, True), True), ((True, False), False), ((False, False), False)], ids=["all", "one", "none"]
)
@pytest.mark.parametrize("action", [WindowAction.ALLOW, WindowAction.DENY])
def test_a_sync_of_a_person_passes_when_all_windows_that_close_say_so(
    action: WindowAction,
    manual: tuple[bool, bool],
    allowed: bool,  # noqa: FBT001 - a table
) -> None:
    closing = [timed("0 12 * * *", "1h", action=action, manualSync=each) for each in manual]
    now = at("2026-11-30T12:30+00:00") if action is WindowAction.DENY else at("2026-11-30T14:00+00:00")
    idle = timed("0 3 * * *", "1h", manualSync=False)

    verdict = closed([*closing, idle], now)

    assert verdict is not None
    assert verdict.manual is allowed
    assert verdict.windows.endswith("and 1 more")


def test_an_opening_within_a_minute_names_its_second() -> None:
    verdict = closed([timed("0 12 * * *", "1h30s")], at("2026-11-30T12:30+00:00"))

    assert str(verdict).startswith("waits for the window that opens at 2026-11-30T13:00:30+00:00 (")
