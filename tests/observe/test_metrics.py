from __future__ import annotations

import sys
import threading
import uuid

import pytest
from prometheus_client import REGISTRY as DEFAULT
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from gitops_agent.observe import metrics


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Everything that would be scraped now, by name and labels."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def labelled(application: str) -> list[frozenset[tuple[str, str]]]:
    return [
        labels for name, labels in samples() if name == "gitops_agent_application" and ("application", application) in labels
    ]


def test_what_is_counted_is_scraped() -> None:
    application = f"gitops-system/{uuid.uuid4().hex}"
    metrics.DRIFTS.labels(application).inc()

    assert samples()["gitops_agent_drifts_total", frozenset({("application", application)})] == 1


def test_every_metric_carries_our_prefix_and_a_help_text() -> None:
    families = list(text_string_to_metric_families(metrics.exposition().decode()))

    assert families
    assert all(family.name.startswith(("gitops_agent_", "process_")) and family.documentation for family in families)


def test_nothing_of_ours_lies_in_the_registry_that_libraries_share() -> None:
    assert not [family.name for family in DEFAULT.collect() if family.name.startswith("gitops_agent")]


def test_an_application_that_goes_takes_its_gauge_along_and_no_other() -> None:
    gone, kept = f"gitops-system/{uuid.uuid4().hex}", f"gitops-system/{uuid.uuid4().hex}"
    metrics.APPLICATIONS.labels(gone, "Synced", "Healthy").set(1)
    metrics.APPLICATIONS.labels(gone, "OutOfSync", "Degraded").set(1)
    metrics.APPLICATIONS.labels(kept, "Synced", "Healthy").set(1)

    metrics.forget_application(gone)

    assert labelled(gone) == []
    assert len(labelled(kept)) == 1
    metrics.forget_application(kept)


def test_the_state_of_an_application_is_set_without_a_look_at_the_others() -> None:
    name = f"gitops-system/{uuid.uuid4().hex}"

    def calls() -> int:
        """Python calls of two states of one application."""
        count = 0

        def counted(_: object, event: str, __: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(counted)
        try:
            for state in ("OutOfSync", "Synced"):
                metrics.show_state(name, state, "Healthy")
                metrics.show(metrics.HELD_PLANS, name, None)
                metrics.show(metrics.NOT_READY_SINCE, name, 0)
        finally:
            sys.setprofile(None)
        return count

    calls()
    alone = calls()
    others = [f"gitops-system/{uuid.uuid4().hex}" for _ in range(50)]
    for other in others:
        metrics.show_state(other, "Synced", "Healthy")

    assert calls() == alone
    assert len(labelled(name)) == 1
    for application in (name, *others):
        metrics.forget_application(application)


def test_gauges_of_many_applications_are_dropped_and_set_at_once_without_a_conflict() -> None:
    name = f"gitops-system/{uuid.uuid4().hex}"
    failures: list[BaseException] = []

    def change(worker: int) -> None:
        try:
            for number in range(100):
                metrics.forget_application(f"{name}-{worker}")
                metrics.APPLICATIONS.labels(f"{name}-{worker}", "Synced", str(number)).set(1)
        except RuntimeError as error:
            failures.append(error)

    for number in range(500):
        metrics.APPLICATIONS.labels(name, "Synced", str(number)).set(1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=change, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        metrics.APPLICATIONS.clear()

    assert failures == []


def test_requests_are_read_from_the_transport_on_a_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REGISTRY", CollectorRegistry(auto_describe=True))
    counts = {("GET", "pods"): 1}
    metrics.count_requests(lambda: counts)
    counts["PATCH", "deployments"] = 3

    values = samples()

    assert values["gitops_agent_api_requests_total", frozenset({("verb", "GET"), ("resource", "pods")})] == 1
    assert values["gitops_agent_api_requests_total", frozenset({("verb", "PATCH"), ("resource", "deployments")})] == 3
