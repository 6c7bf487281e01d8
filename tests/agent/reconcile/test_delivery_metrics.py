from __future__ import annotations

import uuid

import pytest
from prometheus_client import Histogram

from gitops_agent.agent.reconcile import delivery_metrics
from gitops_agent.manifest.key import AppKey
from gitops_agent.observe.deployments import DEPLOYMENTS, LEAD_SECONDS, RECOVERY_SECONDS
from tests.agent.reconcile.test_delivery import DEGRADED, HEALTHY, ONE, PROGRESSING, THREE, TWO, Recording
from tests.observe.test_deployments import samples


@pytest.fixture
def key() -> AppKey:
    return AppKey(f"namespace-{uuid.uuid4().hex}", uuid.uuid4().hex)


def spans(key: AppKey, histogram: Histogram) -> tuple[float, float]:
    """The number of observed spans, and their sum in seconds."""
    every = [sample for family in histogram.collect() for sample in family.samples]
    ours = {sample.name.rpartition("_")[2]: sample.value for sample in every if sample.labels == {"namespace": key.namespace}}
    return ours["count"], ours["sum"]


def test_a_span_is_observed_once_at_the_edge_that_ends_it(key: AppKey) -> None:
    shop = Recording().at(0, ONE, "p1")
    for minute, commit, plan, health in (
        (10, TWO, "p2", PROGRESSING),
        (12, TWO, "p2", HEALTHY),
        (20, TWO, "p2", DEGRADED),
        (50, THREE, "p3", HEALTHY),
        (90, THREE, "p3", HEALTHY),
    ):
        before = shop.status
        shop.at(minute, commit, plan, health=health)
        delivery_metrics.observe(key, before, shop.status)

    assert spans(key, LEAD_SECONDS) == (2, 3 * 60 + 60)
    assert spans(key, RECOVERY_SECONDS) == (1, 30 * 60)


def test_another_leader_goes_on_where_the_last_one_was(key: AppKey) -> None:
    shop = Recording().at(0, ONE, "p1").at(10, TWO, "p2").at(20, TWO, "p2", health=DEGRADED)

    delivery_metrics.show(key, shop.status)
    first = samples(key.name)
    DEPLOYMENTS.forget(key.namespace, key.name)
    delivery_metrics.show(key, shop.at(30, TWO, "p2", health=DEGRADED).status)

    assert samples(key.name) == first
    assert first["gitops_agent_deployments_total succeeded"] == 2
    assert first["gitops_agent_deployment_regressions_total failed"] == 1
    DEPLOYMENTS.forget(key.namespace, key.name)


def test_an_application_without_deployments_has_no_samples(key: AppKey) -> None:
    delivery_metrics.show(key, {"history": []})

    assert samples(key.name) == {}
