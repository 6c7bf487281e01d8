from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from tests.importer.peers import field, flux, objects, spec_of
from tests.importer.test_flux import GIT_SOURCE, KUSTOMIZATION, RELEASE, REPOSITORY, kustomizations


def declared_by(parent: str, obj: Object) -> Object:
    """The object, as a Kustomization has applied it."""
    labels = {"kustomize.toolkit.fluxcd.io/name": parent, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def applied(*entries: str) -> Object:
    """The status of a Kustomization that has applied these."""
    return {"inventory": {"entries": [{"id": entry, "v": "v1"} for entry in entries]}}


def test_dependencies_are_edges_between_applications() -> None:
    peers = kustomizations(**{"spec.dependsOn": [{"name": "base"}, {"name": "team", "namespace": "team"}, {"name": "gone"}]})
    for name, namespace in (("base", "flux-system"), ("team", "team")):
        (other,) = objects(KUSTOMIZATION)
        other["metadata"] = {"name": name, "namespace": namespace}
        other["spec"]["sourceRef"]["namespace"] = "flux-system"
        peers.append(other)

    result = flux(peers)

    assert spec_of(result, "shop")["dependsOn"] == [{"name": "base"}, {"name": "team"}]
    assert field(result, "shop", "spec.dependsOn").note == "flux-system/gone was not read"


@pytest.mark.parametrize(("waits", "edges"), [(True, ["controllers", "podinfo"]), (False, ["controllers"])])
def test_a_kustomization_that_waits_is_ready_with_the_releases_it_declares(*, waits: bool, edges: list[str]) -> None:
    (controllers,) = objects(KUSTOMIZATION.replace("name: shop", "name: controllers"))
    controllers["spec"]["wait"] = waits
    release = declared_by("controllers", objects(RELEASE)[0])
    peers = kustomizations(**{"spec.dependsOn": [{"name": "controllers"}]})

    result = flux([*peers, controllers, release, *objects(REPOSITORY)])

    assert spec_of(result, "shop")["dependsOn"] == [{"name": name} for name in edges]


def test_a_release_comes_after_what_its_kustomization_waits_for_and_after_its_namespace() -> None:
    (configs,) = objects(KUSTOMIZATION.replace("name: shop", "name: configs"))
    release = declared_by("shop", objects(RELEASE)[0])
    peers = kustomizations(**{"spec.dependsOn": [{"name": "configs"}]})
    rest = [configs, release, *objects(REPOSITORY)]

    without = spec_of(flux([*peers, *rest]), "podinfo")["dependsOn"]
    peers[-1]["status"] = applied("_shop__Namespace")
    with_namespace = spec_of(flux([*peers, *rest]), "podinfo")["dependsOn"]

    assert without == [{"name": "configs"}]
    assert with_namespace == [{"name": "configs"}, {"name": "shop"}]


def test_flux_itself_is_not_imported() -> None:
    (obj,) = objects(KUSTOMIZATION)
    obj["metadata"]["name"] = "flux-system"
    by_inventory = {**obj, "metadata": {"name": "bootstrap", "namespace": "flux-system"}}
    name = "_kustomizations.kustomize.toolkit.fluxcd.io_apiextensions.k8s.io_CustomResourceDefinition"
    by_inventory["status"] = {"inventory": {"entries": [{"id": name, "v": "v1"}]}}

    result = flux([*objects(GIT_SOURCE), obj, by_inventory])

    assert result.resources == ()
    assert result.complete


def test_what_is_declared_beside_flux_itself_is_named() -> None:
    (obj,) = objects(KUSTOMIZATION.replace("name: shop", "name: flux-system"))
    obj["status"] = applied(
        "_flux-system__Namespace", "_cluster-reconciler-flux-system_rbac_ClusterRoleBinding", "_web__Namespace"
    )

    result = flux([*objects(GIT_SOURCE), obj])

    assert [left_out.source.name for left_out in result.left] == ["flux-system"]
    note = "it applies Flux itself, so it is not imported; declare Namespace:web in a directory with an Application of its own"
    assert field(result, "flux-system", "spec.path").note == note
