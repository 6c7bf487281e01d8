"""What a viewer sees while the API server is away."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.rights import Rights
from gitops_agent.server.viewer import Viewer
from tests.server.served import EVERYTHING


def test_a_review_without_an_answer_hides_nothing(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "away", server="http://127.0.0.1:1", authority=b"", user="u", token="t")
    viewer = Viewer(user="u", groups=(), mode="token", access=ClusterClient.open(str(kubeconfig), None, "pay"), digest="u")
    for namespace in ("pay", "shop"):
        viewer._rights[namespace] = (math.inf, Rights(namespace=namespace, allowed=EVERYTHING))

    with pytest.raises(AgentError):
        viewer.review()

    assert viewer.known_to_see(AppKey("pay", "checkout"))
    assert viewer.known_to_see(AppKey("shop", "web"))
