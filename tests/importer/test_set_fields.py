from __future__ import annotations

from gitops_agent.importer.set_fields import set_fields
from gitops_agent.manifest.key import Object


def test_every_set_field_is_listed_once() -> None:
    obj: Object = {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {
            "name": "a",
            "uid": "b",
            "labels": {"x": "y"},
            "annotations": {"a/b": "c", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "list": [{"a": 1}, {"a": 2, "b": [3]}],
            "none": None,
            "empty": {},
            "off": False,
            "syncOptions": ["A=true", "B"],
        },
        "status": {"x": 1},
    }

    assert set_fields(obj) == (
        "metadata.labels[x]",
        "metadata.annotations[a/b]",
        "spec.list[].a",
        "spec.list[].b",
        "spec.off",
        "spec.syncOptions[A]",
        "spec.syncOptions[B]",
    )


def test_keys_of_a_secret_are_fields() -> None:
    assert set_fields({"data": {"a": "x"}, "stringData": {"b": "y"}}) == ("data.a", "data.b")
