from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.sandbox.bootstrap import BootError, Bootstrap, node, prepare
from gitops_agent.sandbox.components import USERS, Layout
from gitops_agent.sandbox.controlplane import ControlPlane


def _layout(folder: Path) -> Layout:
    return Layout(directory=folder, api_port=3)


def test_every_user_gets_a_token_of_its_own_that_others_cannot_read(tmp_path: Path) -> None:
    layout = _layout(tmp_path)
    tokens = prepare(layout)
    assert set(tokens) == set(USERS)
    assert len(set(tokens.values())) == len(tokens)
    for path in (layout.tokens, layout.signing_key):
        assert path.stat().st_mode & 0o777 == 0o600
    assert layout.tokens.parent.stat().st_mode & 0o777 == 0o700


def test_asking_before_the_server_has_answered_is_an_error(tmp_path: Path) -> None:
    boot = Bootstrap(layout=_layout(tmp_path), tokens={}, nodes=1)
    with pytest.raises(BootError):
        boot.api_ready()


def test_nodes_are_named_and_zoned_by_number() -> None:
    labels = node(4)["metadata"]["labels"]
    assert labels["kubernetes.io/hostname"] == "node-4"
    assert labels["topology.kubernetes.io/zone"] == "zone-1"


@pytest.mark.cluster
def test_the_nodes_are_ready_and_take_pods(control_plane: ControlPlane) -> None:
    items = control_plane.request("GET", "/api/v1/nodes")["items"]
    assert [item["metadata"]["name"] for item in items] == ["node-0", "node-1", "node-2"]
    assert {item["status"]["allocatable"]["pods"] for item in items} == {"1k"}
