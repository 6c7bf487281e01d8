from __future__ import annotations

from gitops_agent.sandbox.order import Order


def test_an_order_travels_as_json() -> None:
    order = Order(
        directory="/d",
        nodes=2,
        binaries={"etcd": ("/bin/etcd", "3.7.0")},
        tied_to=7,
        extra={"etcd": ("--debug",)},
        timeout_seconds=9,
    )
    assert Order.parse(order.json()) == order
