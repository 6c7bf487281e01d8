from __future__ import annotations

from copy import deepcopy

import pytest

from gitops_agent.api.sync_options import IgnoreFields
from gitops_agent.manifest.key import Object
from gitops_agent.sync.ignore_fields import covers, managers, paths, without, without_managed
from tests.sync.samples import key, workload


def test_paths_are_those_of_matching_kinds_and_names() -> None:
    exemptions = [
        IgnoreFields(kind="Deployment", name="web-*", paths=("/spec/replicas",)),
        IgnoreFields(kind="apps/Deployment", paths=("/spec/paused", "/spec/replicas")),
        IgnoreFields(kind="StatefulSet", paths=("/spec/x",)),
    ]
    assert paths(key("Deployment", "web-1"), exemptions) == ("/spec/replicas", "/spec/paused")
    assert paths(key("ConfigMap", "web-1"), exemptions) == ()


def test_a_field_is_left_out_and_the_original_stays_as_it_was() -> None:
    obj = workload("Deployment", "web")
    before = deepcopy(obj)
    assert "replicas" not in without(obj, ["/spec/replicas"])["spec"]
    assert obj == before


def test_an_object_without_the_field_is_the_very_same() -> None:
    obj = workload("Deployment", "web")
    assert without(obj, ["/spec/paused", "/spec/template/spec/containers/7/image"]) is obj


def test_steps_may_be_escaped_indexes_or_stars() -> None:
    obj = workload("Deployment", "web", annotations={"a/b": "1", "c": "2"})
    less = without(obj, ["/metadata/annotations/a~1b", "/spec/template/spec/containers/*/image"])
    assert less["metadata"]["annotations"] == {"c": "2"}
    assert less["spec"]["template"]["spec"]["containers"] == [{"name": "main"}]


def test_a_map_that_becomes_empty_goes_too() -> None:
    obj = workload("Deployment", "web", annotations={"c": "2"})
    assert "annotations" not in without(obj, ["/metadata/annotations/c"])["metadata"]


@pytest.mark.parametrize("path", ["/metadata", "/metadata/name", "/kind", "/apiVersion", ""])
def test_no_exemption_takes_an_objects_identity(path: str) -> None:
    obj = workload("Deployment", "web")
    assert without(obj, [path]) is obj


def test_a_field_below_an_exempt_one_is_covered() -> None:
    assert covers(["/spec/template"], "/spec/template/spec/paused")
    assert covers(["/metadata/annotations/*"], "/metadata/annotations/a~1b")
    assert not covers(["/spec/template/spec"], "/spec/template")
    assert not covers([], "/spec")


def several() -> Object:
    obj = workload("Deployment", "web")
    pod = obj["spec"]["template"]["spec"]
    pod["containers"] = [
        {"name": "main", "image": "web:1", "ports": [{"containerPort": 80}, {"containerPort": 81, "name": "admin"}]},
        {"name": "a/b", "image": "proxy:1"},
    ]
    return obj


def test_items_of_lists_are_selected_by_a_value() -> None:
    obj = several()

    pod = without(obj, ["/spec/template/spec/containers/[name=main]/image"])["spec"]["template"]["spec"]
    assert [container.get("image") for container in pod["containers"]] == [None, "proxy:1"]
    pod = without(obj, ["/spec/template/spec/containers/[name=a~1b]/image"])["spec"]["template"]["spec"]
    assert [container.get("image") for container in pod["containers"]] == ["web:1", None]
    pod = without(obj, ["/spec/template/spec/containers/*/ports/[containerPort=81]"])["spec"]["template"]["spec"]
    assert pod["containers"][0]["ports"] == [{"containerPort": 80}]


def test_a_selection_that_no_item_has_leaves_the_object_as_it_is() -> None:
    obj = several()

    assert without(obj, ["/spec/template/spec/containers/[name=other]/image"]) is obj
    assert without(obj, ["/spec/template/[name=main]/image"]) is obj


def test_an_edit_in_a_selected_item_is_covered_by_the_item_it_is_in() -> None:
    exempt = ["/spec/template/spec/containers/[name=main]/ports"]

    assert covers(exempt, "/spec/template/spec/containers/0/ports/2", several())
    assert not covers(exempt, "/spec/template/spec/containers/1/ports", several())
    assert not covers(exempt, "/spec/template/spec/containers/0/ports")


def test_the_index_behind_the_last_item_matches_nothing() -> None:
    obj = workload("Deployment", "web")

    assert without(obj, ["/spec/template/spec/containers/1/image"]) is obj


# By manager


def managed(obj: Object, *entries: tuple[str, Object]) -> Object:
    """The live object with the field sets of its managers."""
    fields = [{"manager": name, "operation": "Update", "fieldsV1": fieldset} for name, fieldset in entries]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": fields}}


def test_managers_are_those_of_matching_kinds_and_names() -> None:
    exemptions = [
        IgnoreFields(kind="Deployment", managers=("scaler",)),
        IgnoreFields(kind="apps/Deployment", name="web-*", managers=("vpa-*", "scaler")),
    ]

    assert managers(key("Deployment", "web-1"), exemptions) == ("scaler", "vpa-*")
    assert managers(key("ConfigMap", "web-1"), exemptions) == ()


def test_fields_of_a_manager_are_left_out_as_long_as_it_owns_them() -> None:
    obj = workload("Deployment", "web")
    scale: Object = {"f:spec": {"f:replicas": {}}}

    assert "replicas" not in without_managed(obj, managed(obj, ("scaler", scale)), ["scal*"])["spec"]
    assert without_managed(obj, managed(obj, ("other", scale)), ["scal*"]) is obj
    assert without_managed(obj, managed(obj), ["scal*"]) is obj


def test_fields_of_the_agent_and_of_a_status_are_never_left_out() -> None:
    obj = workload("Deployment", "web")
    live = managed(obj, ("gitops-agent", {"f:spec": {"f:replicas": {}}}))
    assert without_managed(obj, live, ["*"]) is obj

    live = managed(obj, ("scaler", {"f:spec": {"f:replicas": {}}}))
    live["metadata"]["managedFields"][0]["subresource"] = "status"
    assert without_managed(obj, live, ["*"]) is obj


def test_fields_of_items_are_left_out_but_never_what_identifies_the_item() -> None:
    obj = several()
    container: Object = {".": {}, "f:name": {}, "f:image": {}}
    container["f:ports"] = {'k:{"containerPort":81,"protocol":"TCP"}': {"f:name": {}}}
    fieldset = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': container}}}}}

    pod = without_managed(obj, managed(obj, ("injector", fieldset)), ["injector"])["spec"]["template"]["spec"]

    assert pod["containers"] == [
        {"name": "main", "ports": [{"containerPort": 80}, {"containerPort": 81}]},
        {"name": "a/b", "image": "proxy:1"},
    ]


def test_values_of_sets_and_maps_that_become_empty_go_too() -> None:
    obj = workload("Deployment", "web", annotations={"c": "2"})
    obj["spec"]["hosts"] = ["a", "b"]
    fieldset: Object = {"f:metadata": {"f:annotations": {".": {}, "f:c": {}}}}
    fieldset["f:spec"] = {"f:hosts": {'v:"a"': {}}, "f:gone": {}}

    less = without_managed(obj, managed(obj, ("injector", fieldset)), ["injector"])

    assert "annotations" not in less["metadata"]
    assert less["spec"]["hosts"] == ["b"]
