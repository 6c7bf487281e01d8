from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import urllib3

from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.rollout.analysis.providers import prometheus
from gitops_agent.sandbox.demo.metrics import Metrics

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    metrics = Metrics({"web": 0.25}.get)
    yield metrics
    metrics.stop()


def measured(metrics: Metrics, query: str) -> float | list[float] | None:
    """What the agent would make of the answer."""
    asked = prometheus.instant(metrics.url, query, at=NOW)
    with urllib3.PoolManager(retries=False, timeout=60) as pool:
        answer = pool.request(asked.method, asked.url, body=asked.body, headers=dict(asked.headers))
    return prometheus.result(answer.status, answer.data)


def test_the_rate_of_a_deployment_is_one_number(metrics: Metrics) -> None:
    assert measured(metrics, 'sum(rate(requests{namespace="shop",deployment="web"}[1m]))') == 0.25
    assert metrics.answered == [("web", 0.25)]


def test_of_an_unknown_deployment_there_is_no_data(metrics: Metrics) -> None:
    assert measured(metrics, 'rate(requests{deployment="api"}[1m])') is None
    assert metrics.answered == []


def test_another_question_is_an_error_that_says_so(metrics: Metrics) -> None:
    with pytest.raises(MeasurementFailed, match=r"refuses the query \(400\)"):
        measured(metrics, "up")
