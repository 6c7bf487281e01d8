from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from gitops_agent.agent.rollouts.analysis_run import AnalysisRun
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRunner
from gitops_agent.agent.rollouts.metric_jobs import JobScope
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.api.application import API_VERSION
from gitops_agent.api.problems import read
from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cluster.objects import Objects
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import marked
from gitops_agent.observe import metrics
from gitops_agent.rollout.observation import Answer
from tests.notify.builders import SecretData
from tests.waiting import eventually

POLICY, SHOP = AppKey("shop", "web"), AppKey("gitops-system", "shop")


class Provider:
    """A provider of metrics on loopback whose answers a test decides."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"primary": 1.0, "canary": 1.0}
        self.asked: list[tuple[str, str | None]] = []
        self.gate = threading.Event()
        self.gate.set()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append((self.path, self.headers.get("Authorization")))
                provider.gate.wait(20)
                body = json.dumps({"value": provider.answers["canary" if "canary" in self.path else "primary"]}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


class Bench:
    """A runner, and the applications it woke."""

    def __init__(self, secret: Mapping[str, bytes], hosts: AllowedHosts = ANYWHERE) -> None:
        self.woken: list[AppKey] = []
        self.behind = timedelta(0)
        self.secrets = SecretData(**secret)
        objects = cast("Objects", None)  # no Job is measured here
        policies = RolloutPolicyStore(objects, lambda *_: None)
        metadata = {"name": POLICY.name, "namespace": POLICY.namespace}
        policy = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
        policies.put(marked(policy, application=SHOP, digest="", revision=""))
        self.measuring = AnalysisRunner(
            self.secrets,
            objects,
            policies,
            lambda application, _reason, _priority: self.woken.append(application),
            now=lambda: datetime.now(UTC) - self.behind,
            hosts=hosts,
        )
        self.measuring.start()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench({"token": b"s3cret"})
    yield bench
    bench.measuring.stop()


def metric(address: str, **spec: Any) -> Metric:
    http = {"address": address, "value": "/value"}
    whole = {"name": "errors", "provider": {"http": http}, "interval": "1s", "timeout": "1s", **spec}
    if not {"success", "failure", "compare"} & spec.keys():
        whole["success"] = "result < 5"
    return read(Metric, whole, root="metric")


def assignment(*metrics: Metric, hold: str = "first", version: str = "0123abcd") -> AnalysisRun:
    return AnalysisRun(
        policy=POLICY,
        scope=JobScope(policy=POLICY, application=SHOP),
        namespace="shop",
        canary="web-c-0123abcd",
        stable="web-b-89abcdef",
        stable_hash="89abcdef",
        service="web",
        hash=version,
        metrics=metrics,
        hold=hold,
        since=datetime.now(UTC),
    )


def test_a_metric_is_measured_at_once_and_wakes_its_application(provider: Provider, bench: Bench) -> None:
    bench.measuring.want(assignment(metric(f"{provider.url}/canary")))

    results = eventually(lambda: bench.measuring.results(POLICY))
    assert (results[0].answer, results[0].hash, results[0].metric) == (Answer.SUCCESS, "0123abcd", "errors")
    assert eventually(lambda: bench.woken) == [SHOP]


@pytest.mark.slow
def test_results_dated_ahead_of_a_clock_that_was_set_back_are_dropped(provider: Provider, bench: Bench) -> None:
    bench.measuring.want(assignment(metric(f"{provider.url}/canary")))
    (first,) = eventually(lambda: bench.measuring.results(POLICY))

    bench.behind = timedelta(hours=2)
    assert bench.measuring.results(POLICY) == ()

    # Nor does the next one wait until the clock is where it was.
    (second,) = eventually(lambda: bench.measuring.results(POLICY))
    assert second.at < first.at - timedelta(hours=1)
    bench.behind = timedelta(0)
    assert first not in bench.measuring.results(POLICY)


def test_a_condition_that_does_not_hold_is_a_failure_with_its_value(provider: Provider, bench: Bench) -> None:
    provider.answers["canary"] = 7.5
    bench.measuring.want(assignment(metric(f"{provider.url}/canary")))

    eventually(lambda: bench.measuring.results(POLICY))
    assert bench.measuring.results(POLICY)[0].answer is Answer.FAILURE
    labels = {"rollout": str(POLICY), "metric": bench.measuring.results(POLICY)[0].metric, "verdict": "failure"}
    assert (metrics.REGISTRY.get_sample_value("gitops_agent_rollout_measurements_total", labels) or 0) >= 1
    assert bench.measuring.results(POLICY)[0].message == "`result < 5` does not hold (it is 7.5)"
    shown = bench.measuring.shown(POLICY)[0]["measurements"][0]
    assert (shown["value"], shown["message"]) == ("7.5", "`result < 5` does not hold")


def test_placeholders_name_the_canary(provider: Provider, bench: Bench) -> None:
    bench.measuring.want(assignment(metric(f"{provider.url}/{{{{namespace}}}}/{{{{workload}}}}/{{{{variant}}}}")))

    eventually(lambda: provider.asked)
    assert provider.asked[0][0] == "/shop/web-c-0123abcd/canary"


def test_credentials_reach_the_provider_and_no_message(provider: Provider, bench: Bench) -> None:
    whole = {
        "name": "errors",
        "provider": {"http": {"address": provider.url, "value": "/none", "secretRef": {"name": "metrics"}}},
        "success": "result < 5",
        "interval": "1s",
    }
    bench.measuring.want(assignment(read(Metric, whole, root="metric")))

    eventually(lambda: bench.measuring.results(POLICY))
    assert provider.asked[0][1] == "Bearer s3cret"
    assert "s3cret" not in str(bench.measuring.shown(POLICY))


@pytest.mark.parametrize("by", ["annotation", "setting"])
def test_nothing_is_sent_to_a_host_that_is_not_allowed(provider: Provider, bench: Bench, by: str) -> None:
    hosts = AllowedHosts(patterns=("*.example.com",), subject="Secret shop/metrics", rule=f"its {by}")
    if by == "annotation":
        bench.secrets.hosts = hosts
    else:
        bench.measuring.hosts = hosts
    http = {"address": provider.url, "value": "/value", "secretRef": {"name": "metrics"}}
    bench.measuring.want(assignment(metric("", provider={"http": http})))

    (measurement,) = eventually(lambda: bench.measuring.results(POLICY))
    assert measurement.answer is Answer.ERROR
    assert f"Secret shop/metrics may not be sent to 127.0.0.1: its {by} does not name it" in measurement.message
    assert provider.asked == []


@pytest.mark.slow
def test_a_provider_that_hangs_is_an_error_and_delays_no_other(provider: Provider, bench: Bench) -> None:
    other = Provider()
    provider.gate.clear()
    try:
        slow = metric(provider.url, name="slow")
        bench.measuring.want(assignment(slow, metric(other.url, name="quick")))
        eventually(lambda: [entry for entry in bench.measuring.results(POLICY) if entry.metric == "quick"])
        results = eventually(lambda: [entry for entry in bench.measuring.results(POLICY) if entry.metric == "slow"], seconds=20)
        assert results[0].answer is Answer.ERROR
    finally:
        other.close()


def test_what_is_no_longer_wanted_is_neither_asked_nor_answered(provider: Provider, bench: Bench) -> None:
    provider.gate.clear()
    bench.measuring.want(assignment(metric(f"{provider.url}/canary")))
    eventually(lambda: provider.asked)

    bench.measuring.drop(POLICY)
    provider.gate.set()

    bench.measuring.want(assignment(metric(f"{provider.url}/canary/again"), version="feedbeef"))
    results = eventually(lambda: bench.measuring.results(POLICY))
    assert {entry.hash for entry in results} == {"feedbeef"}


def test_the_same_assignment_again_changes_nothing(provider: Provider, bench: Bench) -> None:
    run = assignment(metric(f"{provider.url}/canary", interval="1h"))
    bench.measuring.want(run)
    eventually(lambda: bench.measuring.results(POLICY))

    bench.measuring.want(run)
    bench.measuring.want(assignment(metric(f"{provider.url}/canary", interval="1h"), hold="second"))
    eventually(lambda: len(bench.measuring.results(POLICY)) > 1)
    assert len(provider.asked) == 2


@pytest.mark.slow
def test_a_comparison_is_judged_once_over_all_its_pairs(provider: Provider, bench: Bench) -> None:
    provider.answers = {"primary": 1.0, "canary": 9.0}
    compared = metric(f"{provider.url}/{{{{variant}}}}", compare="stable", maxIncrease="10%", samples=6)
    bench.measuring.want(assignment(compared))

    results = eventually(lambda: bench.measuring.results(POLICY), seconds=30)
    assert len(results) == 1
    assert results[0].answer is Answer.FAILURE
    assert len(provider.asked) == 12


@pytest.mark.slow
def test_a_comparison_that_has_said_something_says_nothing_more_in_this_hold(provider: Provider, bench: Bench) -> None:
    compared = metric(f"{provider.url}/{{{{variant}}}}", compare="stable", maxIncrease="10%", name="latency")
    other = metric(f"{provider.url}/canary/other")
    bench.measuring.want(assignment(compared, other))
    eventually(lambda: "latency" in {entry.metric for entry in bench.measuring.results(POLICY)}, seconds=30)
    then = len(bench.measuring.results(POLICY))
    eventually(lambda: len(bench.measuring.results(POLICY)) >= then + 2, seconds=30)

    assert len([path for path, _ in provider.asked if path in ("/canary", "/primary")]) == 10


def test_a_comparison_asks_about_the_baseline_by_its_own_name_and_version(provider: Provider, bench: Bench) -> None:
    query = f"{provider.url}/{{{{variant}}}}/{{{{workload}}}}/{{{{hash}}}}"
    bench.measuring.want(assignment(metric(query, compare="stable", maxIncrease="10%")))

    eventually(lambda: len(provider.asked) > 1)
    assert [path for path, _ in provider.asked[:2]] == ["/canary/web-c-0123abcd/0123abcd", "/primary/web-b-89abcdef/89abcdef"]


@pytest.mark.slow
def test_a_comparison_with_a_side_that_stays_silent_says_so(provider: Provider, bench: Bench) -> None:
    provider.answers = {"primary": None, "canary": 9.0}
    compared = metric(f"{provider.url}/{{{{variant}}}}", compare="stable", maxIncrease="10%", noData="failure")
    bench.measuring.want(assignment(compared))

    results = eventually(lambda: bench.measuring.results(POLICY), seconds=30)
    assert results[0].answer is Answer.FAILURE
    assert bench.measuring.shown(POLICY)[0]["measurements"][0]["message"] == "no data of stable"


def test_an_address_that_leads_nowhere_is_an_error(bench: Bench) -> None:
    bench.measuring.want(assignment(metric("http://127.0.0.1:9/")))

    results = eventually(lambda: bench.measuring.results(POLICY))
    assert results[0].answer is Answer.ERROR
