from __future__ import annotations

import uuid

from prometheus_client.parser import text_string_to_metric_families

from gitops_agent.observe import metrics
from gitops_agent.observe.deployments import DEPLOYMENTS


def samples(name: str) -> dict[str, float]:
    """What would be scraped of an application, by metric and result."""
    return {
        " ".join(filter(None, (sample.name, sample.labels.get("result")))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
        if sample.labels.get("name") == name
    }


def test_the_counts_of_a_status_are_scraped_as_they_are() -> None:
    name = uuid.uuid4().hex
    DEPLOYMENTS.record("shop", name, {"succeeded": 7, "rolledBack": 2, "reverted": 1, "reworked": 3}, 1_800_000_000.0)

    assert samples(name) == {
        "gitops_agent_deployments_total succeeded": 7,
        "gitops_agent_deployments_total failed": 0,
        "gitops_agent_deployments_total rolled_back": 2,
        "gitops_agent_deployment_regressions_total failed": 0,
        "gitops_agent_deployment_regressions_total rolled_back": 1,
        "gitops_agent_deployment_reworks_total": 3,
        "gitops_agent_last_deployment_timestamp_seconds": 1_800_000_000.0,
    }
    DEPLOYMENTS.forget("shop", name)


def test_what_never_deployed_or_is_gone_costs_no_sample() -> None:
    never, gone = uuid.uuid4().hex, uuid.uuid4().hex
    DEPLOYMENTS.record("shop", never, {}, 0.0)
    DEPLOYMENTS.record("shop", gone, {"succeeded": 1}, 1.0)

    DEPLOYMENTS.forget("shop", gone)

    assert samples(never) == samples(gone) == {}
