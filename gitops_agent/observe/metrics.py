"""Prometheus metrics, declared in one place and one registry.

So the reference can list them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gitops_agent import __version__
from gitops_agent.observe.recent_count import RecentCount

REGISTRY = CollectorRegistry(auto_describe=True)
_PROCESS = ProcessCollector(registry=REGISTRY)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

RECONCILES = Counter(
    "gitops_agent_reconciles", "Reconciles by application and result.", ["application", "result"], registry=REGISTRY
)
RECENT_RECONCILES = RecentCount()
"""The reconciles of the last hour, for the dashboard."""
RECONCILE_SECONDS = Histogram(
    "gitops_agent_reconcile_seconds", "Duration of one reconcile, without waiting.", buckets=_SECONDS, registry=REGISTRY
)
QUEUE_DEPTH = Gauge("gitops_agent_queue_depth", "Keys ready and not yet taken.", ["queue"], registry=REGISTRY)
QUEUE_SECONDS = Histogram(
    "gitops_agent_queue_seconds", "Time a ready key waited for a worker.", ["queue"], buckets=_SECONDS, registry=REGISTRY
)
RENDERS = Counter("gitops_agent_renders", "Renders by format and result.", ["format", "result"], registry=REGISTRY)
RENDER_SECONDS = Histogram("gitops_agent_render_seconds", "Duration of one render.", buckets=_SECONDS, registry=REGISTRY)
POLLS = Counter("gitops_agent_source_polls", "Polls of repositories by result.", ["result"], registry=REGISTRY)
WEBHOOKS = Counter("gitops_agent_webhooks", "Incoming webhooks by sender and result.", ["sender", "result"], registry=REGISTRY)
CHAT_COMMANDS = Counter(
    "gitops_agent_chat_commands",
    "Commands of people in a chat by command and result: done, refused or failed.",
    ["command", "result"],
    registry=REGISTRY,
)
ACTIONS = Counter(
    "gitops_agent_actions", "Actions taken on objects by kind and result.", ["action", "result"], registry=REGISTRY
)
DRIFTS = Counter("gitops_agent_drifts", "Drifted objects seen.", ["application"], registry=REGISTRY)
APPLICATIONS = Gauge(
    "gitops_agent_application",
    "1 for the current state of each application.",
    ["application", "sync", "health"],
    registry=REGISTRY,
)
NOT_READY_SINCE = Gauge(
    "gitops_agent_application_not_ready_since_seconds",
    "Unix time since which an application is not ready; 0 while it is.",
    ["application"],
    registry=REGISTRY,
)
HELD_PLANS = Gauge(
    "gitops_agent_held_plans", "1 for each application whose plan waits for approval.", ["application"], registry=REGISTRY
)
UNVERIFIED_COMMITS = Gauge(
    "gitops_agent_unverified_commits",
    "Commits that are not followed for their signatures, for each application that demands some.",
    ["application"],
    registry=REGISTRY,
)
OBJECTS = Gauge("gitops_agent_objects", "Live objects that carry a mark of ours.", registry=REGISTRY)
LEADER = Gauge("gitops_agent_leader", "1 while this replica acts.", registry=REGISTRY)
BUILD = Gauge("gitops_agent_build_info", "1, with the versions of the agent.", ["version", "python"], registry=REGISTRY)
BUILD.labels(__version__, platform.python_version()).set(1)
NOTIFICATIONS = Counter(
    "gitops_agent_notifications",
    "Messages by notifier and result: delivered, failed (tried again) or dropped.",
    ["notifier", "result"],
    registry=REGISTRY,
)
EVENTS = Counter("gitops_agent_events", "Edges emitted, by type.", ["type"], registry=REGISTRY)

ROLLOUTS = Gauge(
    "gitops_agent_rollout_info",
    "1 for each rollout, with what it rolls out and how.",
    ["rollout", "application", "workload", "strategy"],
    registry=REGISTRY,
)
ROLLOUT_PHASE = Gauge(
    "gitops_agent_rollout_phase", "1 for the present phase of each rollout, else 0.", ["rollout", "phase"], registry=REGISTRY
)
ROLLOUT_WEIGHT = Gauge(
    "gitops_agent_rollout_weight",
    "Percent of the traffic that is set for the new version; 0 at rest.",
    ["rollout"],
    registry=REGISTRY,
)
ROLLOUT_ACTUAL_WEIGHT = Gauge(
    "gitops_agent_rollout_actual_weight",
    "Percent of the traffic that this comes to: behind a plain Service the numbers of pods are the share.",
    ["rollout"],
    registry=REGISTRY,
)
ROLLOUT_RUNS = Counter(
    "gitops_agent_rollout_runs",
    "Runs that ended, by result: Promoted, RolledBack or Superseded.",
    ["rollout", "result"],
    registry=REGISTRY,
)
MEASUREMENTS = Counter(
    "gitops_agent_rollout_measurements",
    "Measurements by metric and verdict: success, failure, inconclusive or error.",
    ["rollout", "metric", "verdict"],
    registry=REGISTRY,
)


class _Requests(Collector):
    """Exports the transport's own counts when scraped."""

    def __init__(self, counts: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One sample a verb and resource."""
        family = CounterMetricFamily("gitops_agent_api_requests", "Requests to the API server.", labels=["verb", "resource"])
        for (verb, resource), count in sorted(self._counts().items()):
            family.add_metric([verb, resource], count)
        yield family


def count_requests(counts: Callable[[], Mapping[tuple[str, str], int]]) -> None:
    """Exposes the API requests a transport counted, by verb and resource."""
    REGISTRY.register(_Requests(counts))


def resident_bytes() -> int | None:
    """The memory of this process; None where the system does not say."""
    families = {family.name: family for family in _PROCESS.collect()}
    family = families.get("process_resident_memory_bytes")
    return int(family.samples[0].value) if family is not None else None


def exposition() -> bytes:
    """All metrics in the text format."""
    return generate_latest(REGISTRY)


_shown: dict[str, tuple[str, str]] = {}
"""The state of each application that its gauge shows."""


def show_state(application: str, sync: str, health: str) -> None:
    """Shows the state of an application in place of its last one."""
    before, _shown[application] = _shown.get(application), (sync, health)
    if before is not None and before != (sync, health):
        APPLICATIONS.remove(application, *before)
    APPLICATIONS.labels(application, sync, health).set(1)


def show(gauge: Gauge, application: str, value: float | None) -> None:
    """Sets a gauge of an application; without a value it has none."""
    if value is None:
        gauge.remove(application)
    else:
        gauge.labels(application).set(value)


def forget_application(application: str) -> None:
    """Drops an application's gauges."""
    _shown.pop(application, None)
    for gauge in (APPLICATIONS, NOT_READY_SINCE, HELD_PLANS, UNVERIFIED_COMMITS):
        gauge.remove_by_labels({"application": application})
