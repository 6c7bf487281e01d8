from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.rollout.analysis.providers.prometheus import instant, result

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def answer(sort: str, payload: Any) -> bytes:
    return orjson.dumps({"status": "success", "data": {"resultType": sort, "result": payload}})


def vector(*values: str) -> bytes:
    return answer("vector", [{"metric": {"pod": str(place)}, "value": [1.5, value]} for place, value in enumerate(values)])


def test_an_instant_query() -> None:
    query = instant("http://prometheus:9090/", 'sum(x{a="b"})', at=NOW, headers={"Authorization": "Bearer t"})

    parts = urlsplit(query.url)
    assert (query.method, query.body, parts.netloc, parts.path) == ("GET", b"", "prometheus:9090", "/api/v1/query")
    assert parse_qs(parts.query) == {"query": ['sum(x{a="b"})'], "time": ["1772323200.000"]}
    assert query.headers["Authorization"] == "Bearer t"


def test_a_query_that_is_too_long_for_an_address_is_posted() -> None:
    long = "+".join(["up"] * 1000)
    query = instant("http://prometheus:9090", long, at=NOW)

    assert (query.method, query.url) == ("POST", "http://prometheus:9090/api/v1/query")
    assert parse_qs(query.body.decode())["query"] == [long]


def test_one_series_is_a_number_and_several_are_a_list() -> None:
    assert result(200, vector("0.25")) == 0.25
    assert result(200, vector("1", "2")) == [1, 2]
    assert result(200, vector()) is None
    assert result(200, answer("scalar", [1.5, "3"])) == 3
    assert math.isnan(float(str(result(200, vector("NaN")))))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"status":"error","error":"parse error"}'),
        (200, b'{"status":"error","error":"parse error"}'),
        (200, b"[]"),
        (200, answer("string", [1, "x"])),
        (200, answer("vector", [{"value": [1]}])),
        (200, answer("vector", [None])),
        (200, answer("vector", [{"value": [1, "many"]}])),
    ],
)
def test_what_is_no_result_is_an_error(status: int, body: bytes) -> None:
    with pytest.raises(MeasurementFailed):
        result(status, body)
