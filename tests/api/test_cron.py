from __future__ import annotations

import pytest

from gitops_agent.api.cron import CronSchedule, parse_cron

EVERY_DAY, EVERY_MONTH, EVERY_WEEKDAY = frozenset(range(1, 32)), frozenset(range(1, 13)), frozenset(range(7))


def schedule(**fields: object) -> CronSchedule:
    values: dict[str, object] = {
        "minutes": frozenset({0}),
        "hours": frozenset({0}),
        "days": EVERY_DAY,
        "months": EVERY_MONTH,
        "weekdays": EVERY_WEEKDAY,
        "either": False,
    }
    return CronSchedule(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 0 * * *", schedule()),
        ("0 0 ? * ?", schedule()),
        ("*/20 8-18/5 * * *", schedule(minutes=frozenset({0, 20, 40}), hours=frozenset({8, 13, 18}))),
        ("50/4 0 * * *", schedule(minutes=frozenset({50, 54, 58}))),
        ("1,2,1-3  0  *  *  *", schedule(minutes=frozenset({1, 2, 3}))),
        ("0 0 * JAN-mar,12 *", schedule(months=frozenset({1, 2, 3, 12}))),
        ("0 0 * * 1-5", schedule(weekdays=frozenset({1, 2, 3, 4, 5}))),
        ("0 0 * * mon-fri", schedule(weekdays=frozenset({1, 2, 3, 4, 5}))),
        ("0 0 * * 5-7", schedule(weekdays=frozenset({5, 6, 0}))),
        ("0 0 * * 7", schedule(weekdays=frozenset({0}))),
        ("0 0 1 * *", schedule(days=frozenset({1}))),
        ("0 0 1 * 5", schedule(days=frozenset({1}), weekdays=frozenset({5}), either=True)),
        ("0 0 1-31 * 5", schedule(weekdays=frozenset({5}), either=True)),
        ("0 0 */1 * 5", schedule(weekdays=frozenset({5}))),
        ("0 0 */2 * 5", schedule(days=frozenset(range(1, 32, 2)), weekdays=frozenset({5}), either=True)),
        ("0 0 29 2 *", schedule(days=frozenset({29}), months=frozenset({2}))),
        ("0 0 30 2 1", schedule(days=frozenset({30}), months=frozenset({2}), weekdays=frozenset({1}), either=True)),
    ],
)
def test_a_schedule_means_what_it_means_in_a_cron_job(text: str, wanted: CronSchedule) -> None:
    assert parse_cron(text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("* * *", "is not a cron schedule of five fields"),
        ("* * * * * *", "is not a cron schedule of five fields"),
        ("60 * * * *", "the minute is not between 0 and 59"),
        ("0 24 * * *", "the hour is not between 0 and 23"),
        ("0 0 0 * *", "the day of the month is not between 1 and 31"),
        ("0 0 * 13 *", "the month is not between 1 and 12"),
        ("0 0 * * 8", "the weekday is not between 0 and 7"),
        ("0 0 * * monday", "the weekday is not between 0 and 7"),
        ("0 0 L * *", "the day of the month is not between 1 and 31"),
        ("0 0 * * fri-mon", "the range of the weekday ends before it begins"),
        ("*/0 0 * * *", "the minute is not between 1 and 59"),
        ("*/ 0 * * *", "the minute is not between 1 and 59"),
        ("1, 0 * * *", "the minute is not between 0 and 59"),
        ("-1 0 * * *", "the minute is not between 0 and 59"),
        ("٣ 0 * * *", "the minute is not between 0 and 59"),
        ("0 0 30 2 *", "names a day that none of its months has"),
        ("0 0 31 4,6 *", "names a day that none of its months has"),
    ],
)
def test_a_schedule_that_means_nothing_or_never_comes_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_cron(text)
