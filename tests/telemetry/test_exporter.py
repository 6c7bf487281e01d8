from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from gitops_agent.telemetry.export_settings import ExportSettings
from gitops_agent.telemetry.exporter import SpanExporter
from gitops_agent.telemetry.spans import Spans, encode
from tests.telemetry.collector import Collector, collecting
from tests.waiting import eventually


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def exporter(url: str, *, seconds: float = 10.0, headers: dict[str, str] | None = None) -> SpanExporter:
    return SpanExporter(ExportSettings(url=f"{url}/v1/traces", headers=headers or {}, seconds=seconds), encode)


def send(sent: SpanExporter, *names: str) -> None:
    spans = Spans(sent.put)
    for name in names:
        spans.begin(name, 1, {}).end(2, {})


def test_what_ended_is_sent_in_one_request_at_the_end(collector: Collector) -> None:
    sent = exporter(collector.url, headers={"authorization": "Bearer hunter2"})
    sent.start()

    send(sent, "one", "two")
    sent.stop()

    assert [span.name for span in collector.spans] == ["one", "two"]
    assert collector.requests == 1
    assert collector.headers[0]["authorization"] == "Bearer hunter2"
    assert collector.headers[0]["content-type"] == "application/x-protobuf"


@pytest.mark.slow
def test_a_collector_that_is_busy_gets_the_batch_again(collector: Collector) -> None:
    collector.statuses = [503]
    sent = exporter(collector.url)
    sent.start()

    send(sent, "one")
    eventually(lambda: [span.name for span in collector.spans] == ["one"])

    assert (collector.requests, sent.dropped) == (2, 0)
    sent.stop()


def test_what_a_collector_refuses_is_dropped(collector: Collector) -> None:
    collector.statuses = [400]
    sent = exporter(collector.url)
    sent.start()

    send(sent, "one")
    sent.stop()

    assert (collector.requests, sent.dropped) == (1, 1)


def test_a_full_queue_drops_and_nobody_waits() -> None:
    sent = exporter("http://127.0.0.1:9")

    send(sent, *(["one"] * 2050))

    assert sent.dropped == 2
    sent.stop()


@pytest.mark.slow
def test_a_collector_that_hangs_delays_only_the_end_and_that_not_for_long(collector: Collector) -> None:
    collector.hangs.set()
    sent = exporter(collector.url, seconds=60)
    sent.start()
    send(sent, "one")
    eventually(lambda: collector.requests == 1)

    began = time.monotonic()
    send(sent, *(["more"] * 3000))
    assert time.monotonic() - began < 30
    sent.stop()

    assert time.monotonic() - began < 50
    eventually(lambda: "traces" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254", "http://8.8.8.8", "ftp://127.0.0.1"], ids=["metadata service", "public http", "no http"]
)
def test_traces_go_nowhere_that_the_agent_never_sends_to(url: str) -> None:
    sent = exporter(url)
    sent.start()

    send(sent, "one")
    sent.stop()

    assert sent.dropped == 1
