from __future__ import annotations

import pytest

from gitops_agent.agent.stores.config_maps import ConfigMapStore
from gitops_agent.cluster.objects import Objects

pytestmark = pytest.mark.cluster


def test_texts_and_binary_entries_are_read(objects: Objects, namespace: str) -> None:
    metadata = {"name": "site", "namespace": namespace}
    objects.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"city": "Köln"}, "binaryData": {"raw": "/w=="}}
    )
    store = ConfigMapStore(objects)
    try:
        assert store.data(namespace, "site") == {"city": "Köln".encode(), "raw": b"\xff"}
    finally:
        store.stop()
