from __future__ import annotations

import pytest

from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import Invalid

DEPLOYMENT = Resource(group="apps", version="v1", kind="Deployment", plural="deployments", namespaced=True)
NODE = Resource(group="", version="v1", kind="Node", plural="nodes", namespaced=False)


def test_paths_are_those_of_the_api() -> None:
    assert DEPLOYMENT.path() == "/apis/apps/v1/deployments"
    assert DEPLOYMENT.path("shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert DEPLOYMENT.path("shop", "web", "status") == "/apis/apps/v1/namespaces/shop/deployments/web/status"
    assert NODE.path("", "one") == "/api/v1/nodes/one"


def test_a_namespace_does_not_matter_for_cluster_scoped_kinds() -> None:
    assert NODE.path("shop", "one") == "/api/v1/nodes/one"


def test_one_object_of_a_namespaced_kind_needs_a_namespace() -> None:
    with pytest.raises(Invalid, match="apps/Deployment web needs a namespace"):
        DEPLOYMENT.path("", "web")


def test_names_cannot_leave_their_segment() -> None:
    assert NODE.path("", "../pods?x=1") == "/api/v1/nodes/..%2Fpods%3Fx%3D1"
    assert NODE.path("", "system:node") == "/api/v1/nodes/system%3Anode"


def test_names_are_those_people_and_files_use() -> None:
    assert (DEPLOYMENT.full_name, DEPLOYMENT.api_version, str(DEPLOYMENT.group_kind)) == (
        "deployments.apps",
        "apps/v1",
        "apps/Deployment",
    )
    assert (NODE.full_name, NODE.api_version, str(NODE.group_kind)) == ("nodes", "v1", "Node")
