from __future__ import annotations

from tests.importer.peers import field, flux, objects, spec_of
from tests.importer.test_flux import GIT_SOURCE, RELEASE, REPOSITORY, kustomizations


def test_everything_goes_to_the_namespace_of_the_agent() -> None:
    (release,) = objects(RELEASE)
    release["spec"] |= {"serviceAccountName": "deployer", "valuesFrom": [{"kind": "Secret", "name": "values"}]}

    result = flux([release, *objects(REPOSITORY)])

    assert [resource["metadata"]["namespace"] for resource in result.resources] == ["gitops-system"]
    spec = spec_of(result, "podinfo")
    assert spec["destination"] == {"namespace": "shop"}
    assert spec["render"]["helm"]["valuesFrom"][0]["name"] == "shop-values"
    assert spec["serviceAccountName"] == "shop-deployer"
    assert "bind to it the roles of shop/deployer" in field(result, "podinfo", "spec.serviceAccountName").note
    assert {(copy.namespace, copy.name, copy.to, copy.new_name) for copy in result.copies} == {
        ("flux-system", "charts", "gitops-system", "charts"),
        ("shop", "values", "gitops-system", "shop-values"),
    }


def test_releases_of_two_namespaces_share_no_name() -> None:
    first, second = objects(RELEASE)[0], objects(RELEASE.replace("namespace: shop", "namespace: test"))[0]

    names = [resource["metadata"]["name"] for resource in flux([first, second, *objects(REPOSITORY)]).resources]

    assert names == ["podinfo", "test-podinfo"]


def test_a_kustomization_and_a_release_share_no_name() -> None:
    peers = [*kustomizations(**{"metadata.name": "podinfo"}), *objects(RELEASE), *objects(REPOSITORY)]
    peers[-2]["metadata"]["namespace"] = "flux-system"

    names = {resource["metadata"]["name"] for conversion in flux(peers).conversions for resource in conversion.resources}

    assert names == {"podinfo", "podinfo-helmrelease"}


def test_secrets_that_lie_elsewhere_are_named() -> None:
    (source,) = objects(GIT_SOURCE)
    source["spec"]["secretRef"] = {"name": "git"}
    peers = kustomizations(
        **{
            "spec.decryption": {"provider": "sops", "secretRef": {"name": "keys"}},
            "spec.postBuild.substituteFrom": [{"kind": "ConfigMap", "name": "vars"}],
        }
    )

    copies = flux([*peers, source]).copies

    assert {(copy.kind, copy.name, copy.to) for copy in copies} == {
        ("Secret", "git", "gitops-system"),
        ("ConfigMap", "vars", "gitops-system"),
        ("Secret", "keys", "gitops-system"),
    }
