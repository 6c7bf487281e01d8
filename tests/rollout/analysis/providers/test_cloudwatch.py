from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from gitops_agent.httpclient.aws_sigv4 import AwsKeys
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.analysis.http_query import MeasurementFailed, Query, QueryInvalid
from gitops_agent.rollout.analysis.providers.cloudwatch import metric_data, result, samples

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = AwsKeys(key_id="AKID", secret="s")
RATE: Object = {"Id": "rate", "Expression": "errors / requests"}


def ask(*queries: Object, region: str = "eu-central-1") -> Query:
    return metric_data(queries, start=NOW - timedelta(minutes=5), end=NOW, region=region, keys=KEYS, at=NOW)


def answer(**fields: Any) -> bytes:
    return orjson.dumps({"MetricDataResults": [{"Id": "rate", "StatusCode": "Complete", **fields}], "Messages": []})


def test_a_request_is_signed_json() -> None:
    query = ask(RATE, {"Id": "errors", "ReturnData": False})

    assert query.url == "https://monitoring.eu-central-1.amazonaws.com/"
    assert query.headers["X-Amz-Target"].endswith(".GetMetricData")
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-target," in query.headers["Authorization"]
    assert orjson.loads(query.body)["EndTime"] - orjson.loads(query.body)["StartTime"] == 300


def test_the_regions_of_china_have_their_own_domain() -> None:
    assert ask(RATE, region="cn-north-1").url == "https://monitoring.cn-north-1.amazonaws.com.cn/"


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(QueryInvalid, match="not an AWS region"):
        ask(RATE, region="eu-central-1.evil.example/")
    with pytest.raises(QueryInvalid, match="2 of the CloudWatch queries return data"):
        ask(RATE, {"Id": "errors"})


def test_the_latest_value_is_the_result() -> None:
    assert result(200, answer(Values=[0.1, 0.2])) == 0.2
    assert samples(200, answer(Values=[0.1, 0.2])) == [0.1, 0.2]


def test_no_values_are_no_data() -> None:
    assert result(200, answer(Values=[])) is None
    assert result(200, orjson.dumps({"MetricDataResults": []})) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b'{"__type":"AccessDenied"}'),
        (200, b"{}"),
        (200, b"[]"),
        (200, orjson.dumps({"MetricDataResults": [{}, {}]})),
        (200, answer(StatusCode="InternalError", Messages=[{"Value": "later"}])),
        (200, answer(StatusCode="PartialData", Values=[1])),
        (200, answer(Values=["x"])),
    ],
)
def test_what_is_no_result_is_an_error(status: int, body: bytes) -> None:
    with pytest.raises(MeasurementFailed):
        result(status, body)
