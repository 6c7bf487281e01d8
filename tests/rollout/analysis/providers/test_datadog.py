from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.rollout.analysis.providers.datadog import points, result, samples

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def answer(*series: Any) -> bytes:
    return orjson.dumps({"status": "ok", "series": [{"pointlist": pairs} for pairs in series]})


def test_a_query() -> None:
    query = points("avg:errors{service:web}", start=NOW - timedelta(minutes=5), end=NOW, api_key="a", app_key="b")

    assert query.url == (
        "https://api.datadoghq.com/api/v1/query?query=avg%3Aerrors%7Bservice%3Aweb%7D&from=1772322900&to=1772323200"
    )
    assert (query.headers["DD-API-KEY"], query.headers["DD-APPLICATION-KEY"]) == ("a", "b")


def test_the_latest_point_with_a_value_is_the_result() -> None:
    assert result(200, answer([[1, 0.5], [2, 0.7], [3, None]])) == 0.7
    assert samples(200, answer([[1, 0.5], [2, None], [3, 0.7]])) == [0.5, 0.7]


def test_no_series_and_no_points_are_no_data() -> None:
    assert result(200, answer()) is None
    assert result(200, answer([])) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b'{"errors":["Forbidden"]}'),
        (200, b'{"status":"error","error":"bad query"}'),
        (200, b"[]"),
        (200, b"{}"),
        (200, answer([], [])),
        (200, answer([[1]])),
    ],
)
def test_what_is_no_result_is_an_error(status: int, body: bytes) -> None:
    with pytest.raises(MeasurementFailed):
        result(status, body)
