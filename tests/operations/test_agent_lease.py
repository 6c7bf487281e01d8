from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.operations.agent_lease import expired

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"holderIdentity": "a", "renewTime": "2026-05-04T11:59:58.000000Z", "leaseDurationSeconds": 10}, ""),
        ({"holderIdentity": "a", "renewTime": "2026-05-04T12:00:30.000000Z", "leaseDurationSeconds": 10}, ""),
        (
            {"holderIdentity": "a", "renewTime": "2026-05-04T11:00:00.000000Z", "leaseDurationSeconds": 10},
            "no agent runs: the Lease ops/gitops-agent was last renewed at 2026-05-04T11:00:00Z",
        ),
        ({"holderIdentity": "", "renewTime": None}, "no agent runs: the Lease ops/gitops-agent has no holder"),
        ({}, "no agent runs: the Lease ops/gitops-agent has no holder"),
        ({"holderIdentity": "a", "renewTime": None}, ""),
    ],
)
def test_a_lease_that_is_not_renewed_means_that_no_agent_runs(spec: dict[str, Any], reason: str) -> None:
    assert expired({"spec": spec}, "ops/gitops-agent", NOW) == reason
