from __future__ import annotations

import pytest

from gitops_agent.agent.stores.prerequisites import PrerequisiteWatcher
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

SHOP, DESK = AppKey("gitops-system", "shop"), AppKey("gitops-system", "desk")


def test_an_application_that_waits_for_a_namespace_is_woken_when_it_is_created(
    control_plane: ControlPlane, namespace: str
) -> None:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    wakes: list[tuple[AppKey, str]] = []
    queue: WorkQueue[AppKey] = WorkQueue()
    arrivals = PrerequisiteWatcher(Objects(transport, Discovery(transport)), queue)

    def heard() -> list[tuple[AppKey, str]]:
        """What has been put on the queue so far, reason by reason."""
        while (item := queue.take(0)) is not None:
            wakes.extend((item.key, reason) for reason in item.reasons)
            queue.done(item.key)
        return wakes

    arrivals.expect(SHOP, {"MissingNamespace"})
    arrivals.expect(DESK, {"UnknownKind"})
    arrivals.start()
    try:
        eventually(lambda: {SHOP, DESK} <= {key for key, _ in heard()}, what="the first lists")
        name = f"{namespace}-later"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        control_plane.request("POST", "/api/v1/namespaces", body)

        eventually(lambda: any(key == SHOP and name in why for key, why in heard()))
        assert not any(key == DESK and name in why for key, why in heard())

        arrivals.expect(SHOP, ())
        arrivals.expect(DESK, {"MissingNamespace"})
        # A watch wakes applications in order: once DESK was woken by a change, an earlier wake of SHOP has arrived.
        patch = {"metadata": {"labels": {"example.com/touched": "yes"}}}
        path = f"/api/v1/namespaces/{name}"
        control_plane.request("PATCH", path, patch, content_type="application/merge-patch+json")
        eventually(lambda: any(key == DESK and name in why for key, why in heard()))
        heard().clear()
        control_plane.request("DELETE", f"/api/v1/namespaces/{name}")
        eventually(lambda: DESK in {key for key, _ in heard()}, what="its end is a change as well")
        assert SHOP not in {key for key, _ in heard()}
    finally:
        arrivals.stop()
        transport.close()
