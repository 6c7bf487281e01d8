from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_agent.rollout.analysis.metric import Comparison, Metric, Phase, Verdict


@pytest.mark.parametrize(
    ("interval", "count", "compare", "wanted"),
    [
        (None, None, None, 1),
        (None, 3, None, 3),
        (30, None, None, None),
        (30, 5, None, 5),
        (30, None, Comparison(threshold=0), 1),
    ],
)
def test_how_many_measurements_a_metric_wants(
    interval: int | None, count: int | None, compare: Comparison | None, wanted: int | None
) -> None:
    pause = timedelta(seconds=interval) if interval else None
    metric = Metric(name="m", no_data=Verdict.ERROR, interval=pause, count=count, compare=compare)

    assert metric.wanted == wanted


def test_only_a_metric_that_waits_or_runs_has_not_ended() -> None:
    assert [phase for phase in Phase if not phase.ended] == [Phase.RUNNING, Phase.PENDING]
