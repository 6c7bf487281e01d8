from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_metrics import Metric, MetricProvider
from gitops_agent.httpclient.allowed_hosts import AllowedHosts
from gitops_agent.rollout.analysis import dispatch
from gitops_agent.rollout.analysis.http_query import MeasurementFailed, QueryInvalid
from gitops_agent.rollout.analysis.measurement import failed, measured

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FACTS = {"variant": "canary", "workload": "web"}
BEARER = {"token": b"s3cret"}
DATADOG = {"api-key": b"a", "app-key": b"b"}
AWS = {"access-key-id": b"AKID", "secret-access-key": b"key"}


def wanted(provider: dict[str, Any]) -> Metric:
    return read(Metric, {"name": "errors", "provider": provider, "success": "result < 1"}, root="metric")


def test_every_provider_but_the_job_has_its_row() -> None:
    assert dispatch.PROVIDERS.keys() == MetricProvider.model_fields.keys() - {"job"}


@pytest.mark.parametrize(
    ("provider", "secret", "place", "text"),
    [
        ({"prometheus": {"address": "http://p:9090", "query": "up{v='{{variant}}'}"}}, BEARER, "p:9090/api/v1/query", "canary"),
        ({"datadog": {"query": "avg:{{workload}}", "secretRef": {"name": "dd"}}}, DATADOG, "api.datadoghq.com/api/v1", "web"),
        (
            {"cloudWatch": {"region": "eu-west-1", "query": "{{workload}}", "secretRef": {"name": "aws"}}},
            AWS,
            "monitoring.eu-west-1.amazonaws.com/",
            "web",
        ),
        ({"http": {"address": "https://judge/{{workload}}"}}, BEARER, "judge/web", "web"),
    ],
)
def test_a_metric_is_asked_of_its_provider(provider: dict[str, Any], secret: dict[str, bytes], place: str, text: str) -> None:
    query = dispatch.ask(wanted(provider), facts=FACTS, secret=secret, at=AT)

    assert place in str(query)
    assert text in query.url + query.body.decode()


@pytest.mark.parametrize(
    ("secret", "header"),
    [({}, None), (BEARER, "Bearer s3cret"), ({"username": b"ada", "password": b"x"}, "Basic YWRhOng=")],
)
def test_credentials_are_put_into_the_header(secret: dict[str, bytes], header: str | None) -> None:
    query = dispatch.ask(wanted({"http": {"address": "https://judge/"}}), facts=FACTS, secret=secret, at=AT)

    assert query.headers.get("Authorization") == header


@pytest.mark.parametrize(
    "secret", [{}, {"api-key": b"a"}, {"api-key": b"\xff", "app-key": b"b"}, {"api-key": b"a\nb", "app-key": b"b"}]
)
def test_a_secret_that_cannot_be_sent_is_refused(secret: dict[str, bytes]) -> None:
    with pytest.raises(QueryInvalid, match="the Secret"):
        dispatch.ask(wanted({"datadog": {"query": "q", "secretRef": {"name": "dd"}}}), facts=FACTS, secret=secret, at=AT)


def test_an_answer_is_read_by_its_provider() -> None:
    assert dispatch.answer(wanted({"http": {"address": "https://judge/", "value": "/score"}}), 200, b'{"score": 3}') == 3
    vector = b'{"status": "success", "data": {"resultType": "scalar", "result": [0, "2"]}}'
    assert dispatch.answer(wanted({"prometheus": {"address": "http://p", "query": "up"}}), 200, vector) == 2


def test_the_secret_is_that_of_the_provider() -> None:
    assert dispatch.secret_name(wanted({"datadog": {"query": "q", "secretRef": {"name": "dd"}}})) == "dd"
    assert dispatch.secret_name(wanted({"prometheus": {"address": "http://p", "query": "up"}})) == ""
    assert dispatch.secret_name(wanted({"job": {"name": "smoke"}})) == ""


def test_a_job_is_not_asked_over_http() -> None:
    with pytest.raises(QueryInvalid, match="no provider that is asked over HTTP"):
        dispatch.ask(wanted({"job": {"name": "smoke"}}), facts=FACTS, secret={}, at=AT)


ANSWERS = [
    b"hunter2",
    b'"hunter2"',
    b'{"status":"error","errorType":"hunter2","error":"hunter2","errors":["hunter2"]}',
    b'{"status":"success","data":{"resultType":"hunter2","result":"hunter2"}}',
    b'{"series":[{"pointlist":[[1,"hunter2"]]}],"value":"hunter2"}',
    b'{"MetricDataResults":[{"StatusCode":"InternalError","Messages":[{"Code":"hunter2","Value":"hunter2"}]}]}',
]


@pytest.mark.parametrize("status", [200, 400, 403, 422, 500])
@pytest.mark.parametrize("body", ANSWERS)
@pytest.mark.parametrize(
    "provider",
    [
        {"prometheus": {"address": "http://p:9090", "query": "up"}},
        {"datadog": {"query": "avg:web", "secretRef": {"name": "dd"}}},
        {"cloudWatch": {"region": "eu-west-1", "query": "web", "secretRef": {"name": "aws"}}},
        {"http": {"address": "https://judge/", "value": "/value"}},
    ],
)
def test_no_answer_is_quoted(provider: dict[str, Any], body: bytes, status: int) -> None:
    asked = wanted(provider)
    try:
        shown = measured(dispatch.metric(asked), dispatch.answer(asked, status, body), at=AT)
    except MeasurementFailed as error:
        shown = failed(str(error), at=AT)

    assert "hunter2" not in str(shown.written())
    if status != 200:
        assert str(status) in shown.message


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        ({"prometheus": {"address": "http://P.example.com:9090/a", "query": "up"}}, "p.example.com"),
        ({"datadog": {"query": "avg:x", "secretRef": {"name": "dd"}}}, "api.datadoghq.com"),
        (
            {"cloudWatch": {"region": "cn-north-1", "query": "x", "secretRef": {"name": "aws"}}},
            "monitoring.cn-north-1.amazonaws.com.cn",
        ),
        ({"http": {"address": "https://judge/{{workload}}"}}, "judge"),
        ({"http": {"address": "https://{{workload}}.example.com/"}}, ""),
        ({"job": {"name": "smoke"}}, ""),
    ],
)
def test_the_host_of_a_provider_is_known_unless_placeholders_decide(provider: dict[str, Any], host: str) -> None:
    assert dispatch.host(wanted(provider)) == host


def test_a_host_that_the_administrator_does_not_allow_is_known_before_it_is_asked() -> None:
    hosts = AllowedHosts.setting(("*.example.com",), name="analysis.allowedHosts", subject="a query of metrics")
    judge, own = ({"http": {"address": f"https://{host}/"}} for host in ("judge", "judge.example.com"))

    refusal = "a query of metrics may not be sent to judge: the setting analysis.allowedHosts does not name it"
    assert list(dispatch.flaws(wanted(judge), hosts)) == [f"metric errors, provider: {refusal}"]
    assert list(dispatch.flaws(wanted(own), hosts)) == []
