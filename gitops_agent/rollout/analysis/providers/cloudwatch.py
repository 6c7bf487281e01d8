"""Amazon CloudWatch: GetMetricData over the JSON protocol, signed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from gitops_agent.api import rollout_metrics as api
from gitops_agent.httpclient.aws_sigv4 import AwsKeys, signed
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.analysis.http_provider import Ask
from gitops_agent.rollout.analysis.http_query import MeasurementFailed, Query, QueryInvalid, answered, base, number

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}")
_QUERIES_LIMIT = 500
_PERIOD = 60
"""Seconds of one value."""
_TARGET = "GraniteServiceVersion20100801.GetMetricData"


class CloudWatch:
    """Provider `cloudWatch`: the latest value of a window."""

    def ask(self, options: api.CloudWatch, ask: Ask) -> Query:
        """The signed GetMetricData of one measurement."""
        keys = AwsKeys(
            key_id=ask.credential("access-key-id"),
            secret=ask.credential("secret-access-key"),
            token=ask.secret.get("session-token", b"").decode("utf-8", "replace"),
        )
        return metric_data(
            [{"Id": "result", "Expression": ask.fill(options.query), "Period": _PERIOD}],
            start=ask.start,
            end=ask.at,
            region=options.region,
            keys=keys,
            at=ask.at,
            address=options.address or "",
        )

    def answer(self, _: api.CloudWatch, status: int, body: bytes) -> Any:
        """The latest value; see `result`."""
        return result(status, body)


def endpoint(region: str) -> str:
    """The public address of a region."""
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"https://monitoring.{region}.amazonaws.com{suffix}"


def metric_data(
    queries: Sequence[Object],
    *,
    start: datetime,
    end: datetime,
    region: str,
    keys: AwsKeys,
    at: datetime,
    address: str = "",
) -> Query:
    """The request for metric data.

    The queries are MetricDataQuery structures as AWS documents them, sent unchanged.

    Args:
        queries: exactly one of them returns data (`ReturnData` true or absent).
        start: of the window, with a time zone.
        end: of the window.
        region: e.g. `eu-central-1`.
        keys: of the principal.
        at: the time of sending.
        address: where it is not the region's own endpoint.

    Raises:
        QueryInvalid: region, address or queries cannot be used.
    """
    if not _REGION.fullmatch(region):
        raise QueryInvalid(f"{region!r} is not an AWS region")
    returning = [query.get("Id") for query in queries if query.get("ReturnData", True)]
    if len(queries) > _QUERIES_LIMIT or len(returning) != 1:
        raise QueryInvalid(f"{len(returning)} of the CloudWatch queries return data, exactly one has to")
    body = {
        "MetricDataQueries": list(queries),
        "StartTime": int(start.timestamp()),
        "EndTime": int(end.timestamp()),
        "ScanBy": "TimestampAscending",
    }
    unsigned = Request(
        url=base(address or endpoint(region)) + "/",
        method="POST",
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": _TARGET},
        body=orjson.dumps(body),
    )
    request = signed(unsigned, keys, region=region, service="monitoring", at=at)
    return Query(url=request.url, method=request.method, headers=request.headers, body=request.body)


def result(status: int, body: bytes) -> float | None:
    """The latest value; None when there is none.

    Raises:
        MeasurementFailed: the answer is an error or incomplete.
    """
    values = samples(status, body)
    return values[-1] if values else None


def samples(status: int, body: bytes) -> list[float]:
    """The values of the window in the order of time.

    Raises:
        MeasurementFailed: the answer is an error or incomplete.
    """
    answer = answered(status, body)
    results = answer.get("MetricDataResults") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) > 1 or not all(isinstance(series, dict) for series in results):
        raise MeasurementFailed("CloudWatch's answer holds no single result")
    if not results:
        return []
    series = results[0]
    if series.get("StatusCode") in {"InternalError", "Forbidden"}:
        raise MeasurementFailed(f"CloudWatch gave no result: {series['StatusCode']}", transient=True)
    if series.get("StatusCode") == "PartialData" or answer.get("NextToken"):
        raise MeasurementFailed("CloudWatch gave only a part of the data; ask for a shorter window or a longer period")
    values = [number(value) for value in series.get("Values") or []]
    return [value for value in values if not math.isnan(value)]
