from __future__ import annotations

from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.compose import compose


def test_without_a_rollout_the_desired_state_is_the_newest_commit() -> None:
    head = (
        Manifest.of(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}}, file="web.yaml"
        ),
    )
    composed = compose(head, ())
    assert composed.manifests == head
    assert not composed.kept
