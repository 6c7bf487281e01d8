"""Converts EndpointSlices to Envoy's endpoints, by kube-proxy's rules.

Those that are ready, else those that still serve while they end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.traffic.backendref import Cluster
from gitops_agent.manifest.key import Object

SERVICE = "kubernetes.io/service-name"
"""The label of a slice with the name of its Service."""

_CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_ENDPOINTS_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def addresses(cluster: Cluster, slices: Iterable[Object]) -> list[tuple[str, int]]:
    """Where traffic for a cluster goes: address and port, sorted.

    Args:
        cluster: a Service's port.
        slices: all EndpointSlices.
    """
    ready: set[tuple[str, int]] = set()
    ending: set[tuple[str, int]] = set()
    for endpoint_slice, port in _slices(cluster, slices):
        for endpoint in endpoint_slice.get("endpoints") or []:
            conditions = endpoint.get("conditions") or {}
            places = {(str(address), port) for address in endpoint.get("addresses") or []}
            if conditions.get("ready") is not False:
                ready |= places
            elif conditions.get("serving") and conditions.get("terminating"):
                ending |= places
    return sorted(ready or ending)


def assignment(cluster: Cluster, places: list[tuple[str, int]]) -> Object:
    """Envoy's ClusterLoadAssignment."""
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}} for address, port in places
    ]
    return {"@type": _ENDPOINTS_TYPE, "cluster_name": cluster.name, "endpoints": [{"lb_endpoints": endpoints}]}


def definition(cluster: Cluster, folder: str) -> Object:
    """Envoy's Cluster, whose endpoints come from a file in a folder."""
    source = {"resource_api_version": "V3", "path_config_source": {"path": f"{folder}/{cluster.file}"}}
    return {
        "@type": _CLUSTER_TYPE,
        "name": cluster.name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": source},
        # As long as the load waits: a machine that is short of processors must not look like a pod that is gone, which refuses.
        "connect_timeout": "5s",
    }


def _slices(cluster: Cluster, slices: Iterable[Object]) -> Iterator[tuple[Object, int]]:
    for endpoint_slice in slices:
        metadata = endpoint_slice["metadata"]
        if metadata.get("namespace") != cluster.namespace or (metadata.get("labels") or {}).get(SERVICE) != cluster.service:
            continue
        for port in endpoint_slice.get("ports") or []:
            if (port.get("name") or "") == cluster.port_name and port.get("port"):
                yield endpoint_slice, int(port["port"])
