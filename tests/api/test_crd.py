from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.crd import crds, texts, write
from gitops_agent.errors import Invalid
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.api.conftest import APPLY, conditions
from tests.api.specs import ACCEPTED, REFUSED, SOURCE, spec

ROOT = Path(__file__).parents[2]


def test_the_committed_crds_are_what_the_models_say() -> None:
    committed = {path.name: path.read_text() for path in (ROOT / "deploy/base/crds").glob("*.yaml")}

    assert committed == texts(), "run: python -m gitops_agent.api.crd deploy/base/crds"


def test_the_crds_are_written_one_file_each(tmp_path: Path) -> None:
    write(tmp_path / "crds")

    assert {path.name for path in (tmp_path / "crds").iterdir()} == {
        "applications.yaml",
        "notifiers.yaml",
        "rolloutpolicies.yaml",
    }


def nodes(schema: Object, path: str) -> Iterator[tuple[str, Object]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


def everywhere(part: str) -> list[tuple[str, Object]]:
    return [
        node
        for crd in crds()
        for node in nodes(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part], part)
    ]


def test_everything_in_a_spec_is_bounded_so_that_rules_have_a_price() -> None:
    bounds = {"string": ("maxLength", "enum"), "array": ("maxItems",), "integer": ("maximum",)}
    unbounded = [
        path
        for path, node in everywhere("spec")
        if node.get("type") in bounds and not any(bound in node for bound in bounds[node["type"]])
    ]
    maps = [path for path, node in everywhere("spec") if "additionalProperties" in node and "maxProperties" not in node]

    assert (unbounded, maps) == ([], [])


def test_every_field_says_what_it_is_for() -> None:
    silent = [
        path
        for part in ("spec", "status")
        for path, node in everywhere(part)
        if not path.endswith("[]") and not node.get("description")
    ]

    assert silent == []


def test_a_status_has_no_defaults_and_only_the_state_of_a_rollout_keeps_what_is_unknown() -> None:
    assert [
        path for path, node in everywhere("status") if "default" in node or "x-kubernetes-preserve-unknown-fields" in node
    ] == ["status.state"]


def test_only_values_keep_unknown_fields() -> None:
    kept = [path for path, node in everywhere("spec") if node.get("x-kubernetes-preserve-unknown-fields")]

    assert kept == ["spec.render.helm.values", "spec.render.variables.values[]"]


@pytest.mark.cluster
def test_the_api_server_establishes_the_crds(installed: list[Object]) -> None:
    assert [
        (conditions(crd)["Established"], conditions(crd)["NamesAccepted"], conditions(crd).get("NonStructuralSchema"))
        for crd in installed
    ] == [("True", "True", None)] * len(crds())


def create(plane: ControlPlane, namespace: str, fields: Object) -> Object:
    """What the API server would store, with its defaults; nothing is stored."""
    body = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": fields,
    }
    path = f"/apis/gitops-agent.dev/v1alpha1/namespaces/{namespace}/applications?dryRun=All&fieldValidation=Strict"
    result: Object = plane.request("POST", path, body)
    return result


@pytest.mark.cluster
@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.usefixtures("installed")
def test_the_api_server_takes(control_plane: ControlPlane, name: str) -> None:
    assert create(control_plane, "default", ACCEPTED[name])["spec"]


@pytest.mark.cluster
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("installed")
def test_the_api_server_refuses(control_plane: ControlPlane, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        create(control_plane, "default", REFUSED[name])

    assert caught.value.status in {400, 422}


VERIFY = {"mode": "none", "merged": "signed", "forgeMerges": "content", "identity": "any", "onRewrite": "hold"}


@pytest.mark.cluster
@pytest.mark.usefixtures("installed")
def test_the_api_server_fills_in_the_defaults(control_plane: ControlPlane) -> None:
    assert create(control_plane, "default", spec())["spec"] == {
        "source": {**SOURCE, "path": ".", "verify": VERIFY},
        "destination": {"createNamespace": False},
        "sync": {
            "interval": "30s",
            "mode": "auto",
            "prune": True,
            "selfHeal": True,
            "errorPolicy": "atomic",
            "deletionGuard": {
                "maxObjects": 5,
                "maxPercent": 10,
                "protectedKinds": ["Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim"],
            },
            "timeout": "5m",
            "rollback": {"onDegraded": False},
        },
        "deletionPolicy": "prune",
    }


@pytest.mark.cluster
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": {**SOURCE, "ref": {}}}, "needs exactly one of branch, tag, semver and commit"),
        ({"source": {**SOURCE, "path": "a/../b"}}, "stays below the root of the repository"),
        ({"source": {**SOURCE, "repoURL": "https://u:hunter2@h/x"}}, "put it into a Secret"),
        (spec(sync={"interval": "500ms"}), "is not between 1s and 24h"),
        (spec(destination={"createNamespace": True}), "createNamespace needs a namespace"),
    ],
)
def test_a_rule_says_what_is_wrong(control_plane: ControlPlane, fields: Object, message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        create(control_plane, "default", fields)

    assert "hunter2" not in str(caught.value)


@pytest.mark.cluster
@pytest.mark.usefixtures("installed")
def test_the_same_dependency_twice_is_refused(control_plane: ControlPlane) -> None:
    with pytest.raises(Invalid, match="Duplicate value"):
        create(control_plane, "default", spec(dependsOn=[{"name": "a"}, {"name": "a"}]))


STATUS: dict[str, Any] = {
    "observedGeneration": 3,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Synced",
            "message": "abc is applied",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-11-22T21:00:00Z",
        },
    ],
    "sync": {
        "status": "Synced",
        "revision": "abc",
        "shortRevision": "abc",
        "plan": "def",
        "overBudget": "def",
        "deletions": {"count": 3, "at": "2026-11-22T21:00:00Z"},
        "answered": "2026-11-22T21:00:00Z",
        "window": {"opensAt": "2026-12-01T21:00:00Z", "closedBy": "deny 0 9 * * * for 12h, UTC"},
        "approval": {
            "hash": "def",
            "content": "0",
            "deletions": [["ConfigMap:shop/a", "uid"]],
            "deletionDigests": {"count": 1, "bits": 40, "digests": "AAAAAA=="},
            "covers": ["0123456789ab"],
            "by": "ada",
            "via": "annotation",
        },
        "approved": {"hash": "def", "by": "ada", "via": "annotation", "at": "2026-11-22T21:00:00Z"},
    },
    "health": {
        "status": "Degraded",
        "reasons": ["apps/Deployment:shop/web: ImagePullBackOff"],
        "degradedRevision": "abc",
    },
    "source": {
        "chart": {
            "repository": "https://charts.example.com",
            "name": "podinfo",
            "version": "6.5.4",
            "digest": f"sha256:{'6c3c' * 16}",
            "range": "~6.5",
            "resolvedAt": "2026-11-22T20:00:00Z",
        },
        "republished": {
            "repository": "https://charts.example.com",
            "name": "podinfo",
            "version": "6.5.4",
            "before": f"sha256:{'6c3c' * 16}",
            "digest": f"sha256:{'7d4d' * 16}",
            "approval": "0badc0de",
        },
        "accepted": {
            "repository": "https://charts.example.com",
            "name": "podinfo",
            "version": "6.5.4",
            "before": f"sha256:{'6c3c' * 16}",
            "digest": f"sha256:{'7d4d' * 16}",
            "approval": "0badc0de",
        },
        "dependencies": [
            {
                "repository": "https://charts.example.com",
                "name": "redis",
                "version": "1.2.0",
                "digest": "sha256:" + "ab" * 32,
                "range": "~1.2",
                "resolvedAt": "2026-11-27T12:00:00Z",
                "parent": "f" * 40,
            }
        ],
        "values": [{"repository": "https://git.example.com/shared.git", "ref": "tag v3", "commit": "def"}],
        "revision": "abc",
        "author": "Ada",
        "verified": {
            "revision": "abc",
            "ref": "branch main",
            "signer": "ada@example.com",
            "key": "SHA256:x",
            "kind": "SSH",
            "at": "2026-11-22T20:00:00Z",
        },
        "unverified": {
            "count": 1,
            "commits": [{"commit": "def", "author": "Li", "reason": "is not signed"}],
            "approval": "",
        },
        "subject": "Add it",
        "committedAt": "2026-11-22T20:00:00Z",
        "unavailableSince": "2026-11-22T21:00:00Z",
        "message": "no route",
    },
    "resources": {
        "total": 3,
        "synced": 2,
        "drifted": 1,
        "unhealthy": 1,
        "leftOut": 1,
        "kinds": {"ConfigMap": 2, "apps/Deployment": 1},
        "problems": [{"object": "ConfigMap:shop/a", "reason": "Drifted", "message": "changed"}],
    },
    "warnings": ["batch/Job:shop/migrate in hook.yaml: helm.sh/hook: pre-install is not run"],
    "rollouts": [
        {"policy": "web", "workload": "apps/Deployment:shop/web", "phase": "Step", "weight": 5, "approval": "0badc0de/1"}
    ],
    "history": [
        {
            "revision": "abc",
            "plan": "def",
            "result": "Synced",
            "message": "applied",
            "started": "2026-11-22T21:00:00Z",
            "duration": "1.0s",
            "actor": "Ada",
            "approved": "def",
            "approver": "ada",
            "committedAt": "2026-11-22T20:59:00Z",
            "live": "2026-11-22T21:00:05Z",
            "failed": "2026-11-22T21:00:30Z",
            "failure": "Degraded",
            "recovered": "2026-11-22T21:10:00Z",
            "rework": True,
            "returned": False,
        },
    ],
    "delivery": {
        "revision": "abc",
        "plan": "def",
        "committedAt": "2026-11-22T20:59:00Z",
        "live": "2026-11-22T21:00:05Z",
        "failed": "2026-11-22T21:00:30Z",
        "failure": "Degraded",
        "rework": True,
        "returned": False,
        "broken": "2026-11-22T21:00:30Z",
        "deployments": {"succeeded": 3, "failed": 1, "rolledBack": 1, "regressed": 1, "reverted": 1, "reworked": 1},
    },
    "rollback": {
        "head": "d1",
        "onTrial": False,
        "held": True,
        "healthy": {"revision": "good", "content": "d0"},
        "previous": {"revision": "older", "content": "d9"},
        "rejected": [{"revision": "bad", "reason": "Degraded", "at": "2026-11-22T21:00:00Z", "together": "shop"}],
        "retried": "2026-11-22T21:05:00Z",
    },
    "hooks": {
        "phase": "done",
        "operation": "install",
        "since": "2026-11-22T21:00:00Z",
        "content": "abc",
        "inputs": "def",
        "series": "ghi",
        "request": "1",
        "deletion": True,
        "runs": [
            {
                "object": "batch/Job:shop/migrate",
                "moment": "pre-sync",
                "id": "abc",
                "uid": "1",
                "state": "Failed",
                "started": "2026-11-22T21:00:00Z",
                "ended": "2026-11-22T21:01:00Z",
                "message": "exited with 3",
            }
        ],
    },
}


@pytest.mark.cluster
@pytest.mark.usefixtures("installed")
def test_the_status_is_a_subresource_that_keeps_every_field_it_names(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/apis/gitops-agent.dev/v1alpha1/namespaces/{namespace}/applications/shop"
    shop = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop"}, "spec": spec()}
    stored = control_plane.request("PATCH", f"{path}?fieldManager=tests", {**shop, "status": STATUS}, content_type=APPLY)
    assert "status" not in stored

    patch: Any = [{"op": "add", "path": "/status", "value": STATUS}]
    stored = control_plane.request(
        "PATCH", f"{path}/status?fieldValidation=Strict", patch, content_type="application/json-patch+json"
    )

    assert stored["status"] == STATUS


@pytest.mark.cluster
@pytest.mark.usefixtures("installed")
def test_a_field_the_status_does_not_know_is_not_kept(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/apis/gitops-agent.dev/v1alpha1/namespaces/{namespace}/applications/shop"
    shop = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop"}, "spec": spec()}
    control_plane.request("PATCH", f"{path}?fieldManager=tests", shop, content_type=APPLY)

    stored = control_plane.request(
        "PATCH", f"{path}/status", {"status": {"guess": 1}}, content_type="application/merge-patch+json"
    )

    assert "guess" not in stored.get("status", {})


@pytest.mark.cluster
@pytest.mark.usefixtures("installed")
def test_a_notifier_is_checked_like_an_application(control_plane: ControlPlane) -> None:
    path = "/apis/gitops-agent.dev/v1alpha1/namespaces/default/notifiers?dryRun=All&fieldValidation=Strict"
    body = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": {"name": "chat"}}
    good = {
        "provider": "slack",
        "secretRef": {"name": "slack"},
        "events": ["Degraded"],
        "applications": {"matchLabels": {"a": "b"}},
    }
    bad: list[Object] = [
        {"provider": "pigeon", "address": "https://example.com"},
        {"provider": "webhook"},
        {"provider": "github", "address": "https://api.example.com"},
        {"provider": "webhook", "address": "https://u:p@example.com"},
        {"provider": "webhook", "address": "https://example.com", "events": ["Exploded"]},
        {
            "provider": "webhook",
            "address": "https://example.com",
            "applications": {"matchExpressions": [{"key": "a", "operator": "In"}]},
        },
    ]

    assert control_plane.request("POST", path, {**body, "spec": good})["spec"]["provider"] == "slack"
    for fields in bad:
        with pytest.raises(Invalid):
            control_plane.request("POST", path, {**body, "spec": fields})


def test_the_columns_of_kubectl_fit_a_terminal_and_say_what_is_wrong() -> None:
    application = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == "Application")
    columns = application["spec"]["versions"][0]["additionalPrinterColumns"]

    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Ready",
        "Sync",
        "Health",
        "Reason",
        "Revision",
        "Age",
    ]
    assert [column["name"] for column in columns if column.get("priority")] == ["Repository", "Path", "Message"]


def test_a_short_name_differs_from_those_of_argo_cd() -> None:
    names = next(crd["spec"]["names"] for crd in crds() if crd["spec"]["names"]["kind"] == "Application")

    assert set(names["shortNames"]) - {"app", "apps"} == {"gapp"}
