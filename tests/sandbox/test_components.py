from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.sandbox.components import ORDER, PROXY, Layout, arguments

_LAYOUT = Layout(directory=Path("/d"), api_port=3)
_NETWORK = Layout(directory=Path("/d"), api_port=3, network=True)


@pytest.mark.parametrize("name", ORDER)
def test_arguments_are_flags_without_a_value_of_their_own(name: str) -> None:
    assert all(word.startswith("--") for word in arguments(name, _LAYOUT))


@pytest.mark.parametrize("name", ORDER)
def test_nothing_listens_beyond_loopback(name: str) -> None:
    for word in arguments(name, _LAYOUT):
        if "listen" in word or "bind-address" in word:
            assert "127.0.0.1" in word or "=unix://" in word


def test_etcd_has_no_port_that_other_users_reach() -> None:
    assert not [word for word in arguments("etcd", _LAYOUT) if "http://" in word]
    assert "--etcd-servers=unix://etcd.sock" in arguments("kube-apiserver", _LAYOUT)


def test_secrets_are_given_as_files_and_never_as_arguments() -> None:
    words = [word for name in ORDER for word in arguments(name, _LAYOUT)]
    assert "--token-auth-file=/d/pki/tokens.csv" in words
    assert not [word for word in words if word.startswith("--token=")]


def test_no_admission_plugin_is_switched_off() -> None:
    assert not [word for word in arguments("kube-apiserver", _LAYOUT) if "disable-admission" in word]


def test_in_a_network_of_its_own_nodes_and_api_server_have_addresses_that_endpoints_may_have() -> None:
    assert "--advertise-address=10.88.255.254" in arguments("kube-apiserver", _NETWORK)
    assert "--node-ip=10.88.255.1" in arguments("kwok", _NETWORK)
    assert not [word for word in arguments("kwok", _LAYOUT) if "node-ip" in word]


def test_the_proxy_writes_rules_for_the_pods_that_kwok_gives_addresses_to() -> None:
    words = arguments(PROXY, _NETWORK)
    [cidr] = [word.partition("=")[2] for word in arguments("kwok", _NETWORK) if word.startswith("--cidr=")]

    assert f"--cluster-cidr={cidr}" in words
    assert "--proxy-mode=nftables" in words
    assert "--kubeconfig=/d/components/kube-proxy.kubeconfig" in words
