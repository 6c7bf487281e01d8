from __future__ import annotations

import dataclasses

from gitops_agent.sandbox.spec import SandboxSpec


def test_an_order_travels_as_json() -> None:
    order = SandboxSpec(
        directory="/d",
        nodes=2,
        binaries={"etcd": ("/bin/etcd", "3.7.0")},
        tied_to=7,
        extra={"etcd": ("--debug",)},
        timeout_seconds=9,
        network=True,
        path=("/nft/bin",),
    )
    assert SandboxSpec.parse(order.json()) == order


def test_only_a_network_of_its_own_has_a_proxy() -> None:
    order = SandboxSpec(directory="/d", nodes=1, binaries={})
    assert "kube-proxy" not in order.components
    assert dataclasses.replace(order, network=True).components == (*order.components, "kube-proxy")
