from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.transport import Transport
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.cluster import Spectator
from gitops_agent.sandbox.demo.rollout import Rollout, available, image, tag


@pytest.fixture
def spectator(control_plane: ControlPlane) -> Iterator[Spectator]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Spectator(transport)
    transport.close()


@pytest.mark.cluster
def test_a_rollout_that_does_not_exist_shows_nothing(spectator: Spectator) -> None:
    rollout = Rollout(spectator, "no-such-thing")

    assert (rollout.workload(), rollout.second(), rollout.status()) == ({}, {}, {})
    assert (rollout.selected(), rollout.share(), rollout.preview()) == ("", (0, 0), 0)
    assert not rollout.gone()
    assert rollout.ended("aa") == ""


def test_a_deployment_is_reported_with_its_image_its_tag_and_its_pods() -> None:
    workload = {
        "spec": {"template": {"spec": {"containers": [{"image": "registry.example.com/shop/web:1.5.0"}]}}},
        "status": {"availableReplicas": 2},
    }

    assert (image(workload), tag(workload), available(workload)) == ("registry.example.com/shop/web:1.5.0", "1.5.0", 2)
    assert (image({}), tag({}), available({})) == ("", "", 0)
