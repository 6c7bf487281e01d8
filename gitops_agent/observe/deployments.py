"""Exports the counts of deployments as statuses hold them.

Problem: a counter in memory starts at zero with every restart, and Prometheus takes the first deployment after it for the value
the series was born with: the rare events that delivery is judged by get lost.
Decision: the status counts, so that a restart or another leader goes on where the last one was. Here the values are only kept
for the scrape: a few numbers an application, and none for one that never deployed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gitops_agent.observe.metrics import REGISTRY

_SPANS = (30, 60, 120, 300, 900, 3600, 14_400, 43_200, 86_400, 259_200, 604_800, 2_592_000)
"""Seconds, from 30 s to 30 days."""

LEAD_SECONDS = Histogram(
    "gitops_agent_deployment_lead_time_seconds",
    "Time from a commit until it was live: Synced and healthy.",
    ["namespace"],
    buckets=_SPANS,
    registry=REGISTRY,
)
RECOVERY_SECONDS = Histogram(
    "gitops_agent_deployment_recovery_seconds",
    "Time from the failure of a deployment until the application was healthy again.",
    ["namespace"],
    buckets=_SPANS,
    registry=REGISTRY,
)
LABELS = {
    "gitops_agent_deployments": ("namespace", "name", "result"),
    "gitops_agent_deployment_regressions": ("namespace", "name", "result"),
    "gitops_agent_deployment_reworks": ("namespace", "name"),
    "gitops_agent_last_deployment_timestamp_seconds": ("namespace", "name"),
}
"""The labels of each metric of this collector."""
_RESULTS = ("succeeded", "failed", "rolledBack")
_LATER = {"regressed": "failed", "reverted": "rolled_back"}


class _Deployed(NamedTuple):
    """The counts of one application, and when something was live last."""

    counts: Mapping[str, int]
    last: float


class _Deployments(Collector):
    """Exports what `record` was last called with, by application."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Deployed] = {}

    def record(self, namespace: str, name: str, counts: Mapping[str, int], last: float) -> None:
        """Takes the counts of an application, as its status has them.

        Args:
            namespace: its namespace.
            name: its name.
            counts: deployments by what became of them.
            last: Unix time when something was live last; 0 where nothing was.
        """
        with self._lock:
            if counts or last:
                self._known[namespace, name] = _Deployed(counts, last)
            else:
                self._known.pop((namespace, name), None)

    def forget(self, namespace: str, name: str) -> None:
        """Drops an application."""
        self.record(namespace, name, {}, 0.0)

    def describe(self) -> Iterator[Metric]:
        """The families, without samples."""
        yield from self._families()

    def collect(self) -> Iterator[Metric]:
        """One sample an application and result."""
        with self._lock:
            deployments = sorted(self._known.items())
        ended, later, reworked, last = families = self._families()
        for names, deployed in deployments:
            for result in _RESULTS:
                label = "rolled_back" if result == "rolledBack" else result
                ended.add_metric([*names, label], deployed.counts.get(result, 0))
            for result, label in _LATER.items():
                later.add_metric([*names, label], deployed.counts.get(result, 0))
            reworked.add_metric(names, deployed.counts.get("reworked", 0))
            if deployed.last:
                last.add_metric(names, deployed.last)
        yield from families

    @staticmethod
    def _families() -> tuple[CounterMetricFamily, CounterMetricFamily, CounterMetricFamily, GaugeMetricFamily]:
        ended = CounterMetricFamily(
            "gitops_agent_deployments",
            "Deployments by their first result: succeeded (live), failed or rolled_back.",
            labels=LABELS["gitops_agent_deployments"],
        )
        later = CounterMetricFamily(
            "gitops_agent_deployment_regressions",
            "Deployments that were live: failed within an hour, or rolled_back or reverted within 24 hours.",
            labels=LABELS["gitops_agent_deployments"],
        )
        reworked = CounterMetricFamily(
            "gitops_agent_deployment_reworks",
            "Deployments that revert another one, or follow a failed one within 24 hours.",
            labels=LABELS["gitops_agent_deployment_reworks"],
        )
        last = GaugeMetricFamily(
            "gitops_agent_last_deployment_timestamp_seconds",
            "Unix time when a deployment was live last.",
            labels=LABELS["gitops_agent_deployment_reworks"],
        )
        return ended, later, reworked, last


DEPLOYMENTS = _Deployments()
REGISTRY.register(DEPLOYMENTS)
