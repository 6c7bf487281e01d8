from __future__ import annotations

import pytest

from gitops_agent.cluster.request_stats import Call, RequestStats, describe


@pytest.mark.parametrize(
    ("method", "path", "query", "call"),
    [
        ("GET", "/api/v1/namespaces/shop/pods/web", None, ("get", "pods", True)),
        ("GET", "/api/v1/namespaces/shop/pods", None, ("list", "pods", False)),
        ("GET", "/api/v1/pods", {"watch": "true"}, ("watch", "pods", False)),
        ("GET", "/apis/apps/v1/deployments", {"limit": "500"}, ("list", "deployments.apps", False)),
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web", None, ("patch", "deployments.apps", True)),
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/status", None, ("patch", "deployments.apps", True)),
        ("POST", "/api/v1/namespaces/shop/secrets", None, ("create", "secrets", False)),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", None, ("update", "leases.coordination.k8s.io", True)),
        ("DELETE", "/api/v1/namespaces/shop", None, ("delete", "namespaces", True)),
        ("GET", "/api/v1/namespaces", None, ("list", "namespaces", False)),
        ("GET", "/api/v1/namespaces/shop/status", None, ("get", "namespaces", True)),
        ("DELETE", "/api/v1/namespaces/shop/pods", None, ("deletecollection", "pods", False)),
        ("GET", "/apis", None, ("get", "apis", True)),
        ("GET", "/apis/apps/v1", None, ("get", "apis", True)),
        ("GET", "/version", None, ("get", "version", True)),
    ],
)
def test_a_request_is_counted_by_what_it_does(
    method: str, path: str, query: dict[str, str] | None, call: tuple[str, str, bool]
) -> None:
    assert describe(method, path, query) == Call(*call)


def test_the_numbers_handed_out_are_a_copy() -> None:
    traffic = RequestStats()
    before = traffic.counts()
    traffic.add(describe("GET", "/api/v1/pods"))

    assert before == {}
    assert traffic.counts() == {("list", "pods"): 1}
