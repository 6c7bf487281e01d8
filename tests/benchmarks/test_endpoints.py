from __future__ import annotations

import pytest

from benchmarks.traffic.backendref import Cluster
from benchmarks.traffic.endpoints import addresses
from gitops_agent.manifest.key import Object

CLUSTER = Cluster(namespace="shop", service="web", port=80, port_name="http")
READY: Object = {"ready": True, "serving": True, "terminating": False}
ENDING: Object = {"ready": False, "serving": True, "terminating": True}
UNREADY: Object = {"ready": False, "serving": False, "terminating": False}


def _slice(*endpoints: tuple[str, Object], service: str = "web", namespace: str = "shop", port_name: str = "http") -> Object:
    return {
        "metadata": {"namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": port_name, "port": 8080}],
        "endpoints": [{"addresses": [address], "conditions": conditions} for address, conditions in endpoints],
    }


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([("a", READY), ("b", ENDING), ("c", UNREADY)], ["a"]),
        ([("b", ENDING), ("c", UNREADY)], ["b"]),
        ([("c", UNREADY)], []),
        ([("d", {})], ["d"]),
        ([], []),
    ],
)
def test_ending_endpoints_serve_only_while_none_is_ready(endpoints: list[tuple[str, Object]], expected: list[str]) -> None:
    assert addresses(CLUSTER, [_slice(*endpoints)]) == [(address, 8080) for address in expected]


def test_endpoints_of_several_slices_are_joined() -> None:
    slices = [_slice(("b", READY)), _slice(("a", READY), ("b", READY))]

    assert addresses(CLUSTER, slices) == [("a", 8080), ("b", 8080)]


@pytest.mark.parametrize("other", [{"service": "cart"}, {"namespace": "other"}, {"port_name": "metrics"}])
def test_other_services_namespaces_and_ports_do_not_count(other: dict[str, str]) -> None:
    assert addresses(CLUSTER, [_slice(("a", READY), **other)]) == []
