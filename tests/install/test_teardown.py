from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import ClusterError
from gitops_agent.install.teardown import terminating
from tests.cluster.wire import Asked, Line, Wire

pytestmark = pytest.mark.slow

NAMESPACE = "/api/v1/namespaces/gitops-system"
ACCOUNT = f"{NAMESPACE}/serviceaccounts/gitops-agent"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/applications.gitops-agent.dev"


def resource(name: str, kind: str, group: str, *, namespaced: bool) -> dict[str, object]:
    scope = "Namespaced" if namespaced else "Cluster"
    return {"resource": name, "responseKind": {"group": group, "version": "v1", "kind": kind}, "scope": scope, "verbs": ["get"]}


CATALOG = {
    "/api": [
        ("", [resource("namespaces", "Namespace", "", namespaced=False)]),
        ("", [resource("serviceaccounts", "ServiceAccount", "", namespaced=True)]),
    ],
    "/apis": [
        (
            "apiextensions.k8s.io",
            [resource("customresourcedefinitions", "CustomResourceDefinition", "apiextensions.k8s.io", namespaced=False)],
        )
    ],
}


def answer(asked: Asked, line: Line, *, leaving: str = "", missing: str = "", refused: str = "") -> None:
    """Answers with one part terminating, missing or forbidden."""
    if asked.path in CATALOG:
        items = [
            {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]}
            for group, resources in CATALOG[asked.path]
        ]
        if asked.path == "/api":
            items = [
                {"metadata": {}, "versions": [{"version": "v1", "resources": [r for _, rs in CATALOG["/api"] for r in rs]}]}
            ]
        line.json({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})
    elif asked.path == refused:
        line.refuse(403, "Forbidden")
    elif asked.path == missing:
        line.refuse(404, "NotFound")
    else:
        stamp = {"deletionTimestamp": "2026-05-04T12:00:00Z"} if asked.path == leaving else {}
        line.json({"metadata": {"name": asked.path.rpartition("/")[2], **stamp}})


def terminating_part(tmp_path: Path, **state: str) -> str:
    with Wire(lambda asked, line: answer(asked, line, **state)) as server:
        transport = server.transport(tmp_path)
        try:
            part = terminating(Objects(transport, Discovery(transport)), "gitops-system")
        finally:
            transport.close()
    return "" if part is None else str(part)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (NAMESPACE, "Namespace:gitops-system"),
        (CRD, "apiextensions.k8s.io/CustomResourceDefinition:applications.gitops-agent.dev"),
        (ACCOUNT, "ServiceAccount:gitops-system/gitops-agent"),
    ],
)
def test_a_part_of_the_installation_that_is_being_deleted_is_named(tmp_path: Path, path: str, part: str) -> None:
    assert terminating_part(tmp_path, leaving=path) == part


def test_an_installation_that_stays_has_no_part_that_is_being_deleted(tmp_path: Path) -> None:
    assert terminating_part(tmp_path) == ""


def test_an_account_that_is_not_there_is_none_that_is_being_deleted(tmp_path: Path) -> None:
    assert terminating_part(tmp_path, missing=ACCOUNT) == ""


def test_a_part_that_cannot_be_read_is_no_proof_that_it_stays(tmp_path: Path) -> None:
    with pytest.raises(ClusterError):
        terminating_part(tmp_path, refused=NAMESPACE)
