from __future__ import annotations

import pytest

from gitops_agent.sync.apply.removed_apis import advice


def test_a_kind_that_moved_is_reported_with_its_new_group() -> None:
    text = advice("extensions", "Deployment", "v1beta1", ())
    assert text == "Kubernetes no longer serves extensions/v1beta1 Deployment: write apiVersion: apps/v1"


def test_a_kind_that_went_without_a_successor_is_reported() -> None:
    assert "Pod Security admission" in advice("policy", "PodSecurityPolicy", "v1beta1", ())


def test_an_old_version_of_a_kind_of_the_api_server_is_reported_with_the_new_one() -> None:
    text = advice("networking.k8s.io", "Ingress", "v1beta1", ("v1",))
    assert text == "this cluster does not serve networking.k8s.io/v1beta1 Ingress: write apiVersion: networking.k8s.io/v1"


@pytest.mark.parametrize(
    ("group", "kind", "served"),
    [
        ("cert-manager.io", "Certificate", ()),
        ("cert-manager.io", "Certificate", ("v1",)),
        ("gateway.networking.k8s.io", "HTTPRoute", ("v1",)),
        ("apps", "Widget", ()),
    ],
)
def test_what_a_crd_may_still_bring_is_waited_for(group: str, kind: str, served: tuple[str, ...]) -> None:
    assert advice(group, kind, "v1alpha1", served) == ""
