"""Pods that do not start, and what the status says about it."""

from __future__ import annotations

import pytest

from gitops_agent.sandbox.pod_failures import EXIT_CODE, LAST_WORDS, POD, PodFailure
from tests.acceptance.objects import deployment, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def test_every_way_in_which_a_pod_fails_is_explained(team: Tenant) -> None:
    crash = {POD: PodFailure.CRASH, EXIT_CODE: "137", LAST_WORDS: "panic: no database"}
    nowhere = deployment("nowhere")
    nowhere["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "no-node-has-this"}
    team.commit(
        files(
            deployment("crashes", annotations=crash),
            deployment("unpulled", annotations={POD: PodFailure.NO_PULL}),
            deployment("unready", annotations={POD: PodFailure.PROBE_FAILS}),
            deployment("fine"),
            nowhere,
        )
    )
    team.declare()
    expected = {"crashes": "137", "unpulled": "pull", "nowhere": "node", "unready": "prob"}

    def told() -> bool:
        reasons = team.application()["status"]["health"]["reasons"]
        return all(
            any(f"/{name}" in reason and text in reason.lower() for reason in reasons) for name, text in expected.items()
        )

    team.until(told, "each failure has its reason")
    status = team.application()["status"]
    assert not any("/fine" in reason for reason in status["health"]["reasons"])
    assert any("panic: no database" in reason for reason in status["health"]["reasons"])
    assert status["health"]["status"] == "Degraded"
    assert team.condition()["reason"] == "Degraded"
