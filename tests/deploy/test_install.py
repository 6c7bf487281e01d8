"""The objects of deploy/ on a real API server: validity and permissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.api.crd import crds
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.deploy.conftest import ROOT, build, only
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

APPLY = "application/apply-patch+yaml"
PLURALS = {"NetworkPolicy": "networkpolicies"}
RBAC = "rbac.authorization.k8s.io"


def path(obj: Object) -> str:
    group, _, version = obj["apiVersion"].rpartition("/")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    namespace = obj["metadata"].get("namespace")
    plural = PLURALS.get(obj["kind"], f"{obj['kind'].lower()}s")
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{plural}/{obj['metadata']['name']}"


def apply(plane: ControlPlane, obj: Object, *, dry_run: bool = False) -> Object:
    query = f"fieldManager=tests-deploy&force=true&fieldValidation=Strict{'&dryRun=All' if dry_run else ''}"
    result: Object = plane.request("PATCH", f"{path(obj)}?{query}", obj, content_type=APPLY)
    return result


@pytest.mark.parametrize("directory", ["deploy", "deploy/read-only"])
def test_the_api_server_accepts_all_of_it(control_plane: ControlPlane, directory: str) -> None:
    objects = build(ROOT / directory)
    apply(control_plane, only(objects, "Namespace", "gitops-system"))

    accepted = [apply(control_plane, obj, dry_run=True)["kind"] for obj in objects]

    assert len(accepted) == len(objects)


def test_the_pods_pass_the_restricted_standard(control_plane: ControlPlane, everything: list[Object]) -> None:
    apply(control_plane, only(everything, "Namespace", "gitops-system"))
    apply(control_plane, only(everything, "ServiceAccount"))
    template = only(everything, "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "labels": template["metadata"]["labels"]}}

    answer = control_plane.request(
        "POST", "/api/v1/namespaces/gitops-system/pods?dryRun=All", {**pod, "spec": template["spec"]}
    )

    assert answer["spec"]["securityContext"]["runAsNonRoot"]


def installed(plane: ControlPlane, objects: list[Object], namespace: str) -> Callable[..., bool]:
    """Applies an installation's account and roles under other names.

    The answer says what the account may do.
    """
    for original in objects:
        if original["kind"] not in {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}:
            continue
        obj = copy(original)
        if "namespace" in obj["metadata"]:
            obj["metadata"]["namespace"] = namespace
        if obj["kind"].startswith("ClusterRole"):
            obj["metadata"]["name"] += f"-{namespace}"
            obj.get("roleRef", {})["name"] = obj["metadata"]["name"]
        for subject in obj.get("subjects", ()):
            subject["namespace"] = namespace
        apply(plane, obj)

    def may(verb: str, group: str, resource: str, *, space: str = "default", name: str = "", sub: str = "") -> bool:
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": space, "name": name, "subresource": sub}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": f"system:serviceaccount:{namespace}:gitops-agent", "resourceAttributes": attributes},
        }
        answer: Any = plane.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        return bool(answer["status"]["allowed"])

    # The authorizer reads roles through a watch of its own.
    eventually(lambda: may("list", "apps", "deployments"), what="the roles are known")
    eventually(
        lambda: may("create", "coordination.k8s.io", "leases", space=namespace), what="the role of the namespace is known"
    )
    return may


def test_the_read_role_sees_everything_and_changes_only_its_own(
    control_plane: ControlPlane, namespace: str, read_only: list[Object]
) -> None:
    may = installed(control_plane, read_only, namespace)
    ours = "gitops-agent.dev"

    assert all(may(verb, "", "secrets") and may(verb, "example.com", "whatever") for verb in ("get", "list", "watch"))
    assert may("patch", ours, "applications")
    assert may("patch", ours, "applications", sub="status")
    assert may("patch", ours, "notifiers", sub="status")
    assert may("create", "events.k8s.io", "events")
    assert may("patch", "events.k8s.io", "events")
    assert all(may(verb, "coordination.k8s.io", "leases", space=namespace, name="gitops-agent") for verb in ("get", "update"))
    assert not may("update", "coordination.k8s.io", "leases", space=namespace, name="kube-scheduler")
    assert not may("create", "coordination.k8s.io", "leases")
    assert not any(may(verb, ours, "applications") for verb in ("create", "update", "delete"))
    assert not any(may(verb, "", "configmaps") for verb in ("create", "update", "patch", "delete", "deletecollection"))
    assert not may("create", "", "pods", sub="exec")
    assert not may("create", "", "serviceaccounts", sub="token")
    assert not may("impersonate", "", "serviceaccounts")
    assert not may("escalate", RBAC, "clusterroles")


def test_the_write_role_applies_and_prunes_and_impersonates_no_user(
    control_plane: ControlPlane, namespace: str, everything: list[Object]
) -> None:
    may = installed(control_plane, everything, namespace)
    eventually(lambda: may("create", "", "configmaps"), what="the write role is known")

    assert all(
        may(verb, "apps", "deployments") and may(verb, "example.com", "widgets") for verb in ("create", "patch", "delete")
    )
    assert may("escalate", RBAC, "clusterroles")
    assert may("bind", RBAC, "roles")
    assert not may("update", "", "configmaps")
    assert not may("deletecollection", "", "configmaps")
    assert not any(may("impersonate", "", kind) for kind in ("users", "groups", "serviceaccounts"))


def test_the_impersonation_role_is_for_service_accounts_only(
    control_plane: ControlPlane, namespace: str, tmp_path: Any, read_only: list[Object]
) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay/kustomization.yaml").write_text(
        "resources: [../deploy/read-only]\ncomponents: [../deploy/components/impersonate]\n",
    )
    may = installed(control_plane, build(tmp_path / "overlay"), namespace)
    eventually(lambda: may("impersonate", "", "serviceaccounts"), what="the impersonation role is known")

    assert not any(may("impersonate", "", kind) for kind in ("users", "groups"))
    assert not may("impersonate", "authentication.k8s.io", "uids")
    assert not may("create", "", "configmaps")


def test_the_committed_crds_are_in_it(everything: list[Object]) -> None:
    names = {obj["metadata"]["name"] for obj in everything if obj["kind"] == "CustomResourceDefinition"}

    assert names == {crd["metadata"]["name"] for crd in crds()}
