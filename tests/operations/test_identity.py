from __future__ import annotations

import getpass
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.cluster.client import Actor, ClusterClient
from gitops_agent.operations.identity import username
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.kubeconfig import write_kubeconfig


@pytest.mark.cluster
def test_the_user_is_the_one_that_the_api_server_knows(control_plane: ControlPlane, namespace: str) -> None:
    kubeconfig = control_plane.service_account_kubeconfig(namespace, "default")

    client = ClusterClient.open(str(kubeconfig), None, namespace)

    assert username(client) == f"system:serviceaccount:{namespace}:default"


def test_without_an_answer_the_user_is_the_local_login(tmp_path: Path) -> None:
    authority = b""
    kubeconfig = write_kubeconfig(tmp_path / "away", server="http://127.0.0.1:1", authority=authority, user="u", token="t")

    assert username(ClusterClient.open(str(kubeconfig), None, "shop")) == getpass.getuser()


def test_who_the_agent_writes_for_is_the_user(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "away", server="http://127.0.0.1:1", authority=b"", user="u", token="t")
    client = ClusterClient.open(str(kubeconfig), None, "shop")

    assert username(replace(client, actor=Actor(user="dana@acme", via="slack/T1/U1"))) == "dana@acme"
