from __future__ import annotations

import pytest

from gitops_agent.cluster.transport import APPLY, JSON
from gitops_agent.errors import Forbidden
from gitops_agent.server.delegated.api_call import ApiCall, api_call

OURS = "/apis/gitops-agent.dev/v1alpha1"


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/namespaces/a/pods", {}, ApiCall(verbs=("list",), group="", resource="pods", namespace="a")),
        ("GET", "/api/v1/pods", {"watch": "1"}, ApiCall(verbs=("watch",), group="", resource="pods")),
        (
            "GET",
            "/api/v1/namespaces/a/pods/p/log",
            {"container": "c"},
            ApiCall(verbs=("get",), group="", resource="pods", subresource="log", namespace="a", name="p"),
        ),
        ("GET", "/api/v1/namespaces/a", {}, ApiCall(verbs=("get",), group="", resource="namespaces", namespace="a", name="a")),
        ("GET", "/api/v1/namespaces", {}, ApiCall(verbs=("list",), group="", resource="namespaces")),
        (
            "PATCH",
            "/api/v1/namespaces/a/status",
            {},
            ApiCall(verbs=("patch",), group="", resource="namespaces", subresource="status", namespace="a", name="a"),
        ),
        (
            "PATCH",
            f"{OURS}/namespaces/a/applications/shop",
            {},
            ApiCall(verbs=("patch",), group="gitops-agent.dev", resource="applications", namespace="a", name="shop"),
        ),
        ("POST", "/api/v1/namespaces/a/secrets", {}, ApiCall(verbs=("create",), group="", resource="secrets", namespace="a")),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/a/deployments/d",
            {},
            ApiCall(verbs=("delete",), group="apps", resource="deployments", namespace="a", name="d"),
        ),
        (
            "GET",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            {},
            ApiCall(verbs=("get",), group="rbac.authorization.k8s.io", resource="clusterroles", name="system:node"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_is_read_as_the_api_server_reads_it(method: str, path: str, query: dict[str, str], expected: ApiCall) -> None:
    assert api_call(method, path, query, JSON) == expected


def test_what_is_applied_needs_the_right_to_create_too() -> None:
    call = api_call("PATCH", "/api/v1/namespaces/a/secrets/s", {}, APPLY)

    assert call is not None
    assert call.verbs == ("patch", "create")


@pytest.mark.parametrize(
    "path", ["/version", "/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1", "/openapi/v3/apis/apps/v1"]
)
def test_documents_about_the_api_are_for_every_viewer(path: str) -> None:
    assert api_call("GET", path, {}, JSON) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/a/pods/../../b/secrets"),
        ("GET", "/api/v1/namespaces/a%2F..%2Fb/pods"),
        ("GET", "/api/v1/namespaces/a/pods/%2e%2e"),
        ("GET", "/api/v1//namespaces/a/pods"),
        ("GET", "/api/v1/namespaces/a/pods/"),
        ("GET", "api/v1/pods"),
        ("GET", "/api/v1/watch/namespaces/a/pods"),
        ("GET", "/api/v1/namespaces/a/pods/p/exec"),
        ("POST", "/api/v1/namespaces/a/pods/p/exec"),
        ("GET", "/api/v1/namespaces/a/services/s/proxy"),
        ("GET", "/api/v1/namespaces/a/services/s/proxy/etc"),
        ("GET", "/api/v1/namespaces/a/pods/p/log/x"),
        ("POST", "/api/v1/namespaces/a/serviceaccounts/s/token"),
        ("DELETE", "/api/v1/namespaces/a/pods"),
        ("OPTIONS", "/api/v1/pods"),
        ("POST", "/version"),
        ("GET", "/metrics"),
        ("GET", "/logs/x"),
        ("GET", "/openapi/v3/../../api/v1/secrets"),
        ("GET", "/api/v1/pods?watch=1"),
        ("GET", ""),
        ("GET", "/"),
    ],
    ids=str,
)
def test_what_reads_otherwise_is_refused(method: str, path: str) -> None:
    with pytest.raises(Forbidden):
        api_call(method, path, {}, JSON)
