from __future__ import annotations

from collections.abc import Collection

import pytest

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.sync.planning.crd_upgrade import CRDUpgradeRefused, Definition, check, versions

WIDGET = GroupKind("example.com", "Widget")


def definition(**served: bool) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": name, "served": serves} for name, serves in served.items()],
        },
    }


def widget(name: str, version: str) -> Object:
    return {"apiVersion": f"example.com/{version}", "kind": "Widget", "metadata": {"name": name, "namespace": "shop"}}


def manifests(*objects: Object) -> list[Manifest]:
    return [Manifest.of(obj, file="shop/all.yaml", document=number) for number, obj in enumerate(objects)]


def test_objects_in_served_versions_pass() -> None:
    check(manifests(definition(v1=True, v2=True), widget("one", "v1"), widget("two", "v2")))


@pytest.mark.parametrize("served", [{"v2": True}, {"v1": False, "v2": True}], ids=["dropped", "no longer served"])
def test_a_version_that_declared_objects_use_has_to_be_served(served: dict[str, bool]) -> None:
    with pytest.raises(CRDUpgradeRefused) as caught:
        check(manifests(definition(**served), widget("one", "v1"), widget("two", "v2")))

    assert str(caught.value) == (
        "apiextensions.k8s.io/CustomResourceDefinition:widgets.example.com does not serve example.com/v1, which is used by "
        "example.com/Widget:shop/one in shop/all.yaml (document 2); it serves v2: "
        "declare these objects in a served version first, or serve this one until then"
    )
    assert caught.value.reason == "CRDUpgradeRefused"


def test_what_other_applications_use_counts_as_well() -> None:
    def elsewhere(kinds: Collection[GroupKind]) -> dict[tuple[GroupKind, str], str]:
        assert set(kinds) == {WIDGET}
        return {(WIDGET, "v1"): "Application desk"}

    with pytest.raises(CRDUpgradeRefused, match="used by Application desk; it serves v2"):
        check(manifests(definition(v2=True)), elsewhere)


def test_many_objects_are_counted_and_others_named_beside_them() -> None:
    mine = [widget(f"w{number}", "v1") for number in range(5)]

    with pytest.raises(CRDUpgradeRefused, match=r"w2 in .* and 2 more, and Application desk; it serves no version"):
        check(manifests(definition(v1=False), *mine), lambda _: {(WIDGET, "v1"): "Application desk"})


def test_kinds_without_a_definition_of_ours_are_not_asked_about() -> None:
    check(manifests(widget("one", "v1")), lambda _: pytest.fail("nothing is defined here"))


@pytest.mark.parametrize(
    "spec",
    [None, "text", {"group": "example.com"}, {"group": "example.com", "names": {"kind": "Widget"}, "versions": ["v1"]}],
)
def test_an_incomplete_definition_is_the_api_servers_to_refuse(spec: object) -> None:
    assert Definition.of({**definition(v1=True), "spec": spec}) is None
    check(manifests({**definition(v1=True), "spec": spec}, widget("one", "v9")))


def test_versions_are_those_manifests_are_written_in() -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}

    assert set(versions(manifests(config_map, widget("one", "v1")))) == {(GroupKind("", "ConfigMap"), "v1"), (WIDGET, "v1")}
