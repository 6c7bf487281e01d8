from __future__ import annotations

import dataclasses

import pytest

from benchmarks.traffic.answer import Answer
from benchmarks.traffic.load import Load
from benchmarks.traffic.record import FEWEST, POINTS, Record, Share, document, table


def ended(*answers: Answer) -> Load:
    """A load that has these answers and was never started."""
    load = Load("http://127.0.0.1:1/")
    load._records.extend(answers)
    return load


def answer(at: float = 0.0, **fields: object) -> Answer:
    return dataclasses.replace(Answer(at=at, seconds=0.01, status=200, pod="web-1"), **fields)  # type: ignore[arg-type]


def test_every_request_counts_and_those_without_an_answer_have_failed() -> None:
    record = Record(name="here")
    record.take(ended(answer(), answer(status=503), answer(status=0, error="reset"), answer(status=500, injected=True)))

    assert (record.requests, record.failed, record.fine) == (4, 2, False)
    assert "503 from web-1" in record.failures[0]


def test_what_was_sent_to_a_path_that_was_taken_down_is_counted_apart() -> None:
    record = Record(name="here", away=[(10.0, 12.0)])
    record.take(ended(answer(9.9), answer(10.5, error="connect"), answer(12.1)))

    assert (record.requests, record.failed, record.excluded, record.fine) == (2, 0, 1, True)


def test_what_timed_out_while_the_load_itself_stood_still_is_counted_apart_and_reported() -> None:
    load = ended(answer(9.9, error="timeout", seconds=6.0), answer(9.9, status=503), answer(20.0, error="timeout", seconds=5.0))
    load.stalls.append((10.0, 15.0))
    record = Record(name="here")
    record.take(load)

    assert (record.requests, record.failed, record.excluded) == (2, 2, 1)
    assert "stood still, for up to 5.0 s" in record.notes[0]


@pytest.mark.parametrize(
    ("seen", "requests", "fine"),
    [
        (50.0 + POINTS, FEWEST, True),
        (50.0 + POINTS + 0.1, FEWEST, False),
        (80.0, FEWEST - 1, True),
    ],
)
def test_a_share_is_judged_by_its_distance_where_it_was_measured_often_enough(seen: float, requests: int, fine: bool) -> None:  # noqa: FBT001 - a column
    assert Record(name="here", shares=[Share(want=50, seen=seen, requests=requests)]).fine is fine


def test_a_scenario_that_broke_is_not_fine() -> None:
    assert not Record(name="here", broken="AssertionError: not seen").fine


def test_the_figures_of_all_scenarios_are_summed_and_the_worst_share_is_named() -> None:
    record = Record(name="one", requests=10, shares=[Share(want=25, seen=24, requests=FEWEST)], figures={"time_to_abort": 0.5})
    other = Record(name="two", requests=5, failed=1, shares=[Share(want=25, seen=90, requests=3)])
    summary = document([record, other])

    assert (summary["requests_sent"], summary["requests_failed"], summary["worst_share_error"]) == (15, 1, 1.0)
    assert summary["scenarios"][0]["time_to_abort"] == 0.5
    assert "away" not in summary["scenarios"][0]
    assert "25 % → 24.0 % of 2000" in table([record, other])


def test_the_larger_of_two_times_is_kept() -> None:
    record = Record(name="here")
    record.worst("time_to_abort", 0.5)
    record.worst("time_to_abort", 0.25)

    assert record.figures == {"time_to_abort": 0.5}
