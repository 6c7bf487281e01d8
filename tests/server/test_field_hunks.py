from __future__ import annotations

from typing import Any

from gitops_agent.manifest.field_report import field_changes, object_changes
from gitops_agent.server.field_hunks import hunks, restarts

OLD: dict[str, Any] = {
    "kind": "Deployment",
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "api",
                        "image": "api:1",
                        "livenessProbe": {"periodSeconds": 1},
                        "env": [{"name": "A", "value": "1"}],
                    }
                ]
            }
        },
    },
}
NEW: dict[str, Any] = {
    "kind": "Deployment",
    "spec": {
        "replicas": 5,
        "template": {
            "spec": {"containers": [{"name": "api", "image": "api:2", "livenessProbe": {"periodSeconds": 1}, "env": []}]}
        },
    },
}


def test_a_hunk_is_headed_by_the_path_of_its_fields() -> None:
    parts = hunks(field_changes(OLD, NEW), secret=False)

    assert [(part.path, [(row.field, row.op) for row in part.rows]) for part in parts] == [
        (("spec",), [("replicas", "changed")]),
        (("spec", "template", "spec", "containers[api]"), [("image", "changed"), ("env[A]", "removed")]),
    ]


def test_a_change_of_the_pod_template_replaces_pods() -> None:
    assert restarts(NEW, field_changes(OLD, NEW)) == "its pod template changes: 5 pods are replaced"
    assert restarts({**NEW, "kind": "Service"}, field_changes(OLD, NEW)) == ""


def test_values_of_a_secret_are_marked_as_numbers() -> None:
    old = {"apiVersion": "v1", "kind": "Secret", "data": {"password": "b2xk"}}
    new = {"apiVersion": "v1", "kind": "Secret", "data": {"password": "bmV3"}}

    (part,) = hunks(object_changes(old, new), secret=True)

    assert part.rows[0].secret
    assert part.rows[0].old != part.rows[0].new
    assert "b2xk" not in str(part)
