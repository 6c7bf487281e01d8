"""Outages of the proxy and of the metrics, and failing metrics."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.traffic.installation import Installation
from benchmarks.traffic.load import Load
from benchmarks.traffic.record import Record
from benchmarks.traffic.scenarios.steps import promoted
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.rollout import canary

_DOWN_SECONDS = 5.0
_UNDER_WAY_SECONDS = 0.1
"""Requests sent so shortly before the proxy died were with it."""

_ERROR_PERCENT = 20.0


def proxy(installation: Installation, record: Record) -> None:
    """The proxy is down for a while: unconfirmed changes are awaited."""
    strategy = canary({"weight": 25, "pause": "2s"}, {"weight": 50, "approval": True})
    with installation.shop(strategy) as shop, installation.load(shop, record) as load:
        commit = shop.push(2)
        shop.at("Step", "Hold", step=0)
        begun = time.monotonic() - _UNDER_WAY_SECONDS
        installation.stage.gateway.kill()
        shop.at("Step", "Route", step=1)
        threading.Event().wait(_DOWN_SECONDS)
        assert (shop.status()["phase"], shop.status()["stage"]) == ("Step", "Route"), shop.status()  # noqa: S101 - what is claimed
        installation.stage.gateway.start()
        record.away.append((begun, time.monotonic()))
        shop.at("Step", "Hold", step=1)
        record.share(load, 50, installation.count if not installation.quick else 200)
        shop.command(CommandKind.APPROVE)
        promoted(shop, commit, 2)


def blind(installation: Installation, record: Record) -> None:
    """Prometheus is down: errors pause, and never count as success."""
    metric = _metric(installation, consecutiveErrorLimit=1)
    strategy = canary({"weight": 50, "analysis": True})
    with installation.shop(strategy, analysis={"metrics": [metric]}) as shop, installation.load(shop, record) as load:
        installation.stage.prometheus.kill()
        try:
            commit = shop.push(2)
            shop.at("Paused", seconds=120)
            record.share(load, 50, 400)
            assert shop.status()["weight"] == 50  # noqa: PLR2004, S101 - paused, not taken back and not promoted
        finally:
            installation.stage.prometheus.start()
        shop.command(CommandKind.RESUME)
        promoted(shop, commit, 2)


def failing(installation: Installation, record: Record) -> None:
    """The metric fails: time from the verdict to no canary requests."""
    strategy = canary({"weight": 50, "approval": True})
    with (
        installation.shop(strategy, analysis={"metrics": [_metric(installation)]}) as shop,
        installation.load(shop, record) as load,
    ):
        shop.push(2)
        shop.at("Step", "Hold")
        load.wait(100, since=load.mark())
        installation.stage.backends.fault(shop.of(2), error_percent=_ERROR_PERCENT)
        broken = time.monotonic()
        try:
            status = shop.at("Held")
        finally:
            installation.stage.backends.heal(shop.of(2))
        verdict = _verdict(status)
        last = _last(load)
        record.worst("time_to_abort", last - broken)
        record.worst("verdict_to_weight_0", last - verdict)
        record.notes.append("injected errors of the canary are not counted as failed")


def _verdict(status: Object) -> float:
    """When the failing measurement ended, on the monotonic clock."""
    failures = [measurement for measurement in status["analysis"][0]["measurements"] if measurement["verdict"] == "failure"]
    passed: float = (datetime.now(UTC) - datetime.fromisoformat(failures[0]["at"])).total_seconds()
    return time.monotonic() - passed


def _last(load: Load) -> float:
    """When the last request was sent that the canary answered."""
    return max(answer.at for answer in load.since() if answer.variant == "canary")


def _metric(installation: Installation, **more: Any) -> Object:
    """The canary's recent error rate by Prometheus; fails above five percent."""
    of = 'namespace="{{namespace}}",variant="{{variant}}"'
    query = f'sum(rate(http_requests_total{{{of},code=~"5.."}}[5s])) / sum(rate(http_requests_total{{{of}}}[5s])) or vector(0)'
    return {
        "name": "errors",
        "provider": {"prometheus": {"address": installation.stage.prometheus.url, "query": query}},
        "success": "result < 0.05",
        "interval": "1s",
        **more,
    }
