from __future__ import annotations

import pytest

from gitops_agent.agent.reconcile.delivery import Delivery, DeploymentCounts
from gitops_agent.api.history_status import DeliveryStatus, HistoryEntry


def test_the_agent_writes_what_is_described() -> None:
    counts = DeploymentCounts(succeeded=1, failed=2, rolled_back=3, regressed=4, reverted=5, reworked=6)
    delivery = Delivery(
        revision="abc",
        plan="def",
        committed_at="2026-05-04T12:00:00Z",
        live="2026-05-04T12:01:00Z",
        failed="2026-05-04T12:02:00Z",
        failure="Degraded",
        rework=True,
        returned=True,
        broken="2026-05-04T12:02:00Z",
        counts=counts,
    )

    written = delivery.to_json()

    assert DeliveryStatus.model_validate(written, by_name=False).model_dump(mode="json", by_alias=True) == written
    assert HistoryEntry.model_validate(delivery.entry(), by_name=False).committed_at == delivery.committed_at
    assert Delivery.from_json(written) == delivery


@pytest.mark.parametrize("raw", [{}, {"deployments": "many", "revision": 3}, {"deployments": {"succeeded": "1"}}], ids=str)
def test_a_status_of_others_is_read_as_far_as_it_is_one(raw: dict[str, object]) -> None:
    assert Delivery.from_json(raw).counts == DeploymentCounts()
