"""Metrics in each provider's own format, and their verdicts."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.gateway import ROUTED, Controller, route
from tests.acceptance.metric_server import Asked, MetricServer
from tests.acceptance.objects import secret
from tests.acceptance.rollout import Rollout, canary, image
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

PASSWORD = "s3cret-6b1d"
AWS = {"access-key-id": "AKIDEXAMPLE", "secret-access-key": PASSWORD}
DATADOG = {"api-key": f"{PASSWORD}-api", "app-key": f"{PASSWORD}-app"}
TOKEN = {"token": f"{PASSWORD}-token"}


@pytest.fixture
def meter() -> Iterator[MetricServer]:
    metric_server = MetricServer()
    yield metric_server
    metric_server.stop()


@pytest.fixture
def gateway(team: Tenant) -> Iterator[Controller]:
    with Controller(team.plane, team.namespace) as controller:
        yield controller


def signature(asked: Asked, key: str) -> str:
    """What AWS computes of a request it received."""
    scope = asked.headers["Authorization"].split("Credential=")[1].split(",")[0].split("/", 1)[1]
    names = asked.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0]
    received = {name.lower(): value for name, value in asked.headers.items()}
    lines = [f"{name}:{received[name]}" for name in names.split(";")]
    body = hashlib.sha256(asked.body).hexdigest()
    whole = "\n".join([asked.method, "/", "", *lines, "", names, body])
    text = "\n".join(["AWS4-HMAC-SHA256", received["x-amz-date"], scope, hashlib.sha256(whole.encode()).hexdigest()])
    day, region, service, end = scope.split("/")
    signing = f"AWS4{key}".encode()
    for part in (day, region, service, end):
        signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
    return hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()


class Providers:
    """Prometheus, Datadog, CloudWatch and JSON endpoints on one port.

    Each checks who asks.
    """

    def __init__(self) -> None:
        self.prometheus, self.refused = "0.001", 0
        self.queries: list[str] = []

    def answer(self, asked: Asked) -> Any:
        path = urlsplit(asked.path).path
        if path == "/api/v1/query" and asked.headers.get("DD-API-KEY") is None:
            assert asked.method == "GET"
            self.queries += parse_qs(urlsplit(asked.path).query)["query"]
            self._check(asked.headers.get("Authorization") == f"Bearer {TOKEN['token']}")
            value = {"metric": {}, "value": [1435781451.781, self.prometheus]}
            return {"status": "success", "data": {"resultType": "vector", "result": [value]}}
        if path == "/api/v1/query":
            keys = (asked.headers.get("DD-API-KEY"), asked.headers.get("DD-APPLICATION-KEY"))
            self._check(keys == (DATADOG["api-key"], DATADOG["app-key"]))
            series = [{"metric": "errors", "pointlist": [[1575317847000, 0.5], [1575317857000, None]]}]
            return {"status": "ok", "res_type": "time_series", "series": series}
        if asked.headers.get("X-Amz-Target", "").endswith(".GetMetricData"):
            self._check(asked.headers["Authorization"].endswith(f"Signature={signature(asked, PASSWORD)}"))
            assert json.loads(asked.body)["MetricDataQueries"][0]["Expression"] == "errors / requests"
            return {"MetricDataResults": [{"Id": "result", "StatusCode": "Complete", "Values": [0.2, 0.1]}], "Messages": []}
        return {"deep": [{"errors": 0.0}]}

    def _check(self, genuine: bool) -> None:  # noqa: FBT001 - an assertion that is counted
        self.refused += not genuine


def metrics(meter: MetricServer) -> list[Object]:
    often = {"interval": "1s", "samples": 2}
    prometheus = {"address": meter.url, "query": 'rate{pod=~"{{workload}}-.*"}', "secretRef": {"name": "token"}}
    datadog = {"address": meter.url, "query": "avg:errors{*}", "secretRef": {"name": "datadog"}}
    cloud = {"address": meter.url, "region": "eu-central-1", "query": "errors / requests", "secretRef": {"name": "aws"}}
    web = {"address": f"{meter.url}/any", "value": "/deep/0/errors"}
    return [
        {"name": "prometheus", "provider": {"prometheus": prometheus}, "success": "result < 0.01", **often},
        {"name": "datadog", "provider": {"datadog": datadog}, "success": "result < 1", "failure": "result > 2", **often},
        {"name": "cloudwatch", "provider": {"cloudWatch": cloud}, "failure": "result > 0.3", **often},
        {"name": "web", "provider": {"http": web}, "success": "result == 0", **often},
    ]


def test_every_provider_is_asked_in_its_own_way_and_believed(team: Tenant, meter: MetricServer) -> None:
    providers = Providers()
    meter.answer = providers.answer
    credentials = (secret("token", **TOKEN), secret("datadog", **DATADOG), secret("aws", **AWS))
    steps = canary({"weight": 50, "analysis": True}, {"weight": 50, "approval": True})
    rollout = Rollout(team, steps, *credentials, analysis={"metrics": metrics(meter)})
    rollout.begin()
    rollout.push(2)

    status = rollout.at("Step", "Hold", step=1)
    shown = {analysi["metric"]: analysi for analysi in status["analysis"]}
    assert {name: analysi["succeeded"] >= 2 for name, analysi in shown.items()} == dict.fromkeys(
        ("prometheus", "datadog", "cloudwatch", "web"), True
    )
    assert {name: analysi["measurements"][0]["value"] for name, analysi in shown.items()} == {
        "prometheus": "0.001",
        "datadog": "0.5",
        "cloudwatch": "0.1",
        "web": "0",
    }
    assert providers.refused == 0
    name = (rollout.second() or {})["metadata"]["name"]
    assert set(providers.queries) == {f'rate{{pod=~"{name}-.*"}}'}

    providers.prometheus = "0.02"
    status = rollout.at("Held")
    assert "prometheus failed once, 0 are allowed: `result < 0.01` does not hold (it is 0.02)" in status["message"]
    agent = team.agent
    assert agent is not None
    assert PASSWORD not in json.dumps(status) + agent.log.read_text(errors="replace")


def test_errors_pause_and_are_never_a_success(team: Tenant, meter: MetricServer) -> None:
    meter.answer = lambda _: {"status": "error", "errorType": "bad_data", "error": "parse error"}
    provider = {"prometheus": {"address": meter.url, "query": "up"}}
    metric = {"name": "up", "provider": provider, "success": "result > 0", "interval": "1s", "consecutiveErrorLimit": 1}
    rollout = Rollout(team, canary({"weight": 50, "analysis": True}), analysis={"metrics": [metric]})
    rollout.begin()

    rollout.push(2)

    status = rollout.at("Paused")
    assert "up could not be measured 2 times in a row" in status["message"]
    (shown,) = status["analysis"]
    assert (shown["errors"], shown.get("succeeded", 0)) == (2, 0)
    assert "Prometheus gave an error instead of a result" in shown["measurements"][-1]["message"]


def compared(meter: MetricServer, **spec: Any) -> Object:
    address = f"{meter.url}/{{{{variant}}}}/{{{{workload}}}}/{{{{hash}}}}"
    provider = {"http": {"address": address, "value": "/errors"}}
    return {"name": "latency", "provider": provider, "compare": "stable", "maxIncrease": "10%", "interval": "1s", **spec}


def _behind(team: Tenant, service: str) -> int:
    """The endpoints of a Service."""
    slices = team.plane.request("GET", f"/apis/discovery.k8s.io/v1/namespaces/{team.namespace}/endpointslices")["items"]
    own = [
        endpoint_slice
        for endpoint_slice in slices
        if endpoint_slice["metadata"]["labels"]["kubernetes.io/service-name"] == service
    ]
    return sum(len(endpoint_slice["endpoints"] or ()) for endpoint_slice in own)


def test_a_canary_is_compared_with_a_baseline_of_its_own_age_and_size(
    team: Tenant, meter: MetricServer, gateway: Controller
) -> None:
    meter.answer = lambda asked: {"errors": 9.0 if asked.path.startswith("/canary") else 1.0}
    analysis = {"metrics": [compared(meter)], "baseline": True}
    rollout = Rollout(team, canary({"weight": 50, "analysis": True}), route(), analysis=analysis, traffic=ROUTED)
    rollout.begin()
    stable = rollout.status()["stable"]["hash"]

    rollout.push(2)

    status = rollout.at("Step", "Hold")
    target = status["target"]["hash"]
    third = team.get("Deployment", f"web-b-{stable}", api="apps/v1") or {}
    assert (third["spec"]["replicas"], third["status"]["availableReplicas"]) == (2, 2)
    assert third["spec"]["template"]["spec"]["containers"][0]["image"] == image(1)
    team.until(lambda: _behind(team, "web") == 6, "stable pods and those of the baseline are behind the Service")
    status = rollout.at("Held")
    assert "latency failed" in status["message"]
    assert "is higher by 8" in status["analysis"][0]["measurements"][-1]["message"]
    asked = {endpoint_slice.path for endpoint_slice in meter.asked}
    assert asked == {f"/canary/web-c-{target}/{target}", f"/primary/web-b-{stable}/{stable}"}
    assert team.get("Deployment", f"web-b-{stable}", api="apps/v1") is None
    assert rollout.image() == image(1)


def test_a_good_canary_passes_its_comparison_and_the_baseline_goes_before_the_cut(
    team: Tenant, meter: MetricServer, gateway: Controller
) -> None:
    analysis = {"metrics": [compared(meter)], "baseline": True}
    rollout = Rollout(
        team, canary({"weight": 25, "analysis": True}, scaleDownDelay="1s"), route(), analysis=analysis, traffic=ROUTED
    )
    rollout.begin()
    stable = rollout.status()["stable"]["hash"]

    commit = rollout.push(2)

    rollout.at("Promote", "CutHold")
    assert team.get("Deployment", f"web-b-{stable}", api="apps/v1") is None
    team.settled(commit)
    assert rollout.image() == image(2)


def test_a_baseline_survives_its_agent_and_goes_with_a_revert(own: Tenant) -> None:
    with Controller(own.plane, own.namespace):
        settings = {"leader__enabled": "false"}
        own.agent = own.installed.start(settings=settings)
        strategy = canary({"weight": 50, "approval": True})
        rollout = Rollout(own, strategy, route(), analysis={"baseline": True}, traffic=ROUTED)
        rollout.begin()
        stable = rollout.status()["stable"]["hash"]
        rollout.push(2)
        rollout.at("Step", "Hold")
        before = own.get("Deployment", f"web-b-{stable}", api="apps/v1") or {}
        own.agent.kill()

        own.agent = own.installed.start("again", settings=settings)
        own.looked()
        after = own.get("Deployment", f"web-b-{stable}", api="apps/v1") or {}
        assert before["metadata"]["uid"] == after["metadata"]["uid"]
        assert before["metadata"]["generation"] == after["metadata"]["generation"]
        rollout.at("Step", "Hold")
        commit = rollout.push(1)

        own.settled(commit)
        assert own.get("Deployment", f"web-b-{stable}", api="apps/v1") is None
        assert rollout.second() is None
