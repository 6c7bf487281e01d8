from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from gitops_agent.observe import log
from gitops_agent.telemetry.traces import RevisionTraces, Standing, Subject
from gitops_agent.telemetry.tracing import Tracing
from tests.telemetry.collector import collecting, facts

SHOP = Subject(application="gitops-system/shop", commit="a" * 40)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    log.correlate(lambda _: None)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_traces_are_off_without_an_endpoint() -> None:
    traces = RevisionTraces()

    assert Tracing.open({}, "", traces) is None
    assert not traces.enabled


def test_the_package_is_loaded_only_where_traces_are_sent() -> None:
    program = "import sys\nimport gitops_agent.telemetry.tracing\nprint('opentelemetry' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "False\n"


def test_a_missing_package_is_reported_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gitops_agent.telemetry.spans", None)
    traces = RevisionTraces()

    assert Tracing.open({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "", traces) is None
    assert not traces.enabled


@pytest.mark.usefixtures("logging_as_before")
def test_a_trace_reaches_the_collector_and_lines_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    log.configure("info", "json")
    traces = RevisionTraces()
    with collecting() as collector:
        tracing = Tracing.open({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, "", traces)
        assert tracing is not None
        traces.planned(SHOP, "p1", traces.now(), {})
        log.logger("agent").info("under way", application="gitops-system/shop")
        log.logger("agent").info("elsewhere", application="gitops-system/other")
        traces.stands(SHOP, Standing(commit=SHOP.commit, live=True))
        tracing.stop()
        root = collector.named("SYNC gitops-system/shop")

    lines = {line["event"]: line for line in map(json.loads, output.getvalue().splitlines())}
    assert (lines["under way"]["trace_id"], lines["under way"]["span_id"]) == (root.trace_id.hex(), root.span_id.hex())
    assert "trace_id" not in lines["elsewhere"]
    assert facts(root)["cicd.pipeline.result"] == "success"
