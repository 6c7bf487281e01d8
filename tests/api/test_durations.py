from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.durations import HIGHEST, LOWEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1500ms", 1.5),
        ("24h", 86400),
        ("1s", 1),
        ("0h0m7s", 7),
        ("30m1h", 5400),
        ("1.0000004s", 1),
    ],
)
def test_a_go_duration_is_understood(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["1d", "-5s", "+5s", "1e9h", "", "5", "s", " 5s", "5s\n", "5 s", ".5h", "1w", "٣s", "5S", 5, 5.0, None, True, ["5s"], {}],
)
def test_what_is_no_duration_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 30s, 5m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["500ms", "0s", "0.9s", "999ms"])
def test_less_than_a_second_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not between 1s and 24h"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["25h", "24h1ms", "9999999999999999999999999999999h"])
def test_more_than_a_day_is_refused_without_an_overflow(text: str) -> None:
    with pytest.raises(ValueError, match="is longer than 24h"):
        parse_duration(text)


def test_a_text_of_a_thousand_parts_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("1ms" * 1000)


@given(st.integers(min_value=1000, max_value=24 * 3_600_000))
def test_a_printed_duration_is_read_back(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds)

    assert parse_duration(format_duration(value)) == value


@given(st.text(alphabet="0123456789.hms", max_size=12))
def test_whatever_is_accepted_lies_within_the_bounds(text: str) -> None:
    try:
        value = parse_duration(text)
    except ValueError:
        return

    assert LOWEST <= value <= HIGHEST


def test_a_duration_is_printed_the_short_way() -> None:
    assert [format_duration(timedelta(seconds=seconds)) for seconds in (30, 300, 5400, 1.5, 86400, 0)] == [
        "30s",
        "5m",
        "1h30m",
        "1s500ms",
        "24h",
        "0s",
    ]
