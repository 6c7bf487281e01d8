from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import Document
from gitops_agent.render.objects import Objects


def gathered(*values: Any, limit: int = 100) -> Objects:
    objects = Objects(limit=limit)
    for index, value in enumerate(values):
        objects.add(Document(value=value, index=index, line=index + 1), file="a.yaml")
    return objects


def thing(name: Any = "x", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


def named(objects: Objects) -> list[str]:
    return [manifest.key.name for manifest in objects.manifests]


def test_lists_are_unfolded_in_order_however_deep() -> None:
    inner = {"apiVersion": "v1", "kind": "List", "items": [thing("b"), thing("c")]}
    outer = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [thing("a"), inner, thing("d")]}
    assert named(gathered(outer, thing("e"))) == ["a", "b", "c", "d", "e"]


def test_items_of_a_typed_list_need_no_type_of_their_own() -> None:
    result = gathered({"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"metadata": {"name": "a"}}]})
    assert [str(manifest.key) for manifest in result.manifests] == ["ConfigMap:a"]


def test_a_kind_that_only_ends_like_a_list_is_an_object() -> None:
    result = gathered({"apiVersion": "x.io/v1", "kind": "AllowList", "metadata": {"name": "a"}, "items": ["1.2.3.4"]})
    assert named(result) == ["a"]


def test_an_empty_list_declares_nothing() -> None:
    assert named(gathered({"apiVersion": "v1", "kind": "List", "items": None})) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "a list, not a Kubernetes object"),
        ("text", "a single value"),
        ({"kind": "List", "apiVersion": "v1", "items": [1]}, "a single value"),
        ({}, "neither apiVersion nor kind"),
        ({"apiVersion": 1, "kind": "A", "metadata": {"name": "x"}}, "apiVersion that is none"),
        ({"apiVersion": "v1/../x", "kind": "A", "metadata": {"name": "x"}}, "apiVersion that is none"),
        ({"apiVersion": "v1", "metadata": {"name": "x"}}, "no kind"),
        ({"apiVersion": "v1", "kind": "A/B", "metadata": {"name": "x"}}, "kind that is none"),
        ({"apiVersion": "v1", "kind": "A"}, "no metadata"),
        ({"apiVersion": "v1", "kind": "A", "metadata": []}, "no metadata"),
        ({"apiVersion": "v1", "kind": "A", "metadata": {}}, "no metadata.name"),
        (thing(None), "no metadata.name"),
        (thing(5), "put it in quotes"),
        (thing("a/b"), "cannot be one"),
        (thing(".."), "cannot be one"),
        (thing("a%2fb"), "cannot be one"),
        (
            thing("${APP}"),
            "a metadata.name with the variable ${APP}, which is not replaced: give it a value in spec.render.variables",
        ),
        (thing("x-${APP:=web}"), "a metadata.name with the variable ${APP:=web}"),
        (
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "x", "namespace": "${NS}"}},
            "metadata.namespace with the variable",
        ),
        (thing("a\nb"), "cannot be one"),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": "x", "namespace": 5}}, "metadata.namespace"),
        ({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "x-"}}, "generateName"),
    ],
)
def test_what_is_no_object_is_refused(value: Any, words: str) -> None:
    with pytest.raises(RenderError) as caught:
        gathered(value)
    assert words in caught.value.message
    assert caught.value.reason == "InvalidManifest"
    assert caught.value.facts["file"] == "a.yaml"


def test_a_variable_that_flux_would_replace_is_a_warning() -> None:
    pvc = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
    sized = {**pvc, "spec": {"resources": {"requests": {"storage": "${SIZE:=5Gi}"}}, "accessModes": ["${MODE}"]}}

    assert gathered(sized).warnings == [
        (
            "a.yaml: PersistentVolumeClaim data holds a variable that is not replaced: "
            "spec.resources.requests.storage: ${SIZE:=5Gi} and others"
        )
    ]
    assert gathered(thing(data={"script": "${HOME}"})).warnings == []
    assert gathered({**pvc, "spec": {"note": "${ is no variable", "path": "${HOME}/bin", "other": "$(VAR)"}}).warnings == []


@pytest.mark.parametrize("annotation", ["helm.sh/hook", "argocd.argoproj.io/hook", "gitops-agent.dev/hook"])
def test_a_hook_with_a_generated_name_has_the_same_one_in_each_render(annotation: str) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "x-", "annotations": {annotation: "x"}}}
    changed = {**job, "spec": {"suspend": True}}
    first, second, other = named(gathered(job, job, thing()))
    assert [first, second] == named(gathered(changed, job))
    assert first != second
    assert first.startswith("x-")
    assert other == "x"


def test_a_generated_name_is_no_longer_than_a_label() -> None:
    metadata = {"generateName": "x" * 90, "annotations": {"gitops-agent.dev/hook": "pre-sync"}}
    assert len(named(gathered({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}))[0]) == 63


def test_the_number_of_objects_is_limited() -> None:
    with pytest.raises(RenderError) as caught:
        gathered({"apiVersion": "v1", "kind": "List", "items": [thing(str(number)) for number in range(9)]}, limit=8)
    assert caught.value.reason == "RenderTooLarge"
