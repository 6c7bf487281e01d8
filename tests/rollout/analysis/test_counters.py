from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.analysis.counters import KEPT, Counters
from gitops_agent.rollout.analysis.measurement import Measurement
from gitops_agent.rollout.analysis.metric import Verdict

START = datetime(2026, 3, 1, tzinfo=UTC)
verdicts = st.lists(st.sampled_from(Verdict), max_size=30)


def counted(found: list[Verdict]) -> Counters:
    counters = Counters()
    for place, verdict in enumerate(found):
        counters = counters.after(Measurement(at=START + timedelta(seconds=place), verdict=verdict))
    return counters


@given(verdicts)
def test_every_measurement_is_counted_once(found: list[Verdict]) -> None:
    counters = counted(found)

    assert counters.conclusive + counters.error == len(found)
    assert counters.success == found.count(Verdict.SUCCESS)
    assert counters.failure == found.count(Verdict.FAILURE)
    assert counters.inconclusive == found.count(Verdict.INCONCLUSIVE)
    assert len(counters.measurements) == min(KEPT, len(found))


@given(verdicts)
def test_errors_in_a_row_are_the_last_ones(found: list[Verdict]) -> None:
    row = 0
    for verdict in found:
        row = row + 1 if verdict is Verdict.ERROR else 0

    assert counted(found).consecutive_error == row


@given(verdicts)
def test_counters_survive_the_status(found: list[Verdict]) -> None:
    assert Counters.read(counted(found).written()) == counted(found)


@given(verdicts.filter(bool))
def test_counting_the_last_one_again_changes_nothing(found: list[Verdict]) -> None:
    counters = counted(found)
    assert counters.last is not None

    assert counters.after(counters.last) is counters


def test_a_torn_status_counts_as_nothing() -> None:
    torn = {
        "success": "3",
        "failure": -1,
        "error": True,
        "measurements": [{"at": "x"}, None, {"at": "2026-03-01", "verdict": "success"}],
    }

    assert Counters.read(torn) == Counters()
