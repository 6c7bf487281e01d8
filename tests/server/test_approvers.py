"""Who may approve, as the API server's roles and bindings have it."""

from __future__ import annotations

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.answers import approvers as module
from gitops_agent.server.answers.approvers import approvers
from gitops_agent.server.rights import Rights
from tests.cli.cluster_env import ClusterEnv
from tests.server.running_agent import token

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

RBAC = "rbac.authorization.k8s.io"


def grant(
    stage: ClusterEnv, access: ClusterClient, name: str, verb: str, *subjects: Object, names: tuple[str, ...] = ()
) -> None:
    metadata = {"namespace": stage.namespace, "name": name}
    rule = {"apiGroups": ["gitops-agent.dev"], "resources": ["applications"], "verbs": [verb], "resourceNames": list(names)}
    access.objects.apply({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]})
    bound = {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name}, "subjects": list(subjects)}
    access.objects.apply({"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": metadata, **bound})


def subject(kind: str, name: str) -> Object:
    return {"kind": kind, "name": name, "apiGroup": RBAC}


def lacking(stage: ClusterEnv) -> Rights:
    """The rights of a viewer who may do everything but approve."""
    return Rights(namespace=stage.namespace, allowed=frozenset({("patch", "applications")}), enforced=True)


def test_people_and_groups_with_the_verb_are_named(stage: ClusterEnv, access: ClusterClient) -> None:
    robot = {"kind": "ServiceAccount", "namespace": stage.namespace, "name": "robot"}
    grant(stage, access, "release", "approve", subject("Group", "release"), subject("User", "dana"), robot)
    grant(stage, access, "system", "approve", subject("Group", "system:authenticated"))
    grant(stage, access, "readers", "get", subject("User", "li"))
    grant(stage, access, "of-shop", "approve", subject("User", "ana"), names=("shop",))
    grant(stage, access, "of-pay", "approve", subject("User", "max"), names=("pay",))

    assert approvers(access, lacking(stage), "shop") == ("Group release", "User ana", "User dana")


def test_those_of_later_pages_are_named_too(stage: ClusterEnv, access: ClusterClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ana", "dana", "max"):
        grant(stage, access, name, "approve", subject("User", name))
    monkeypatch.setattr(module, "_PAGE", 1)
    monkeypatch.setattr(module, "_PAGES", 1000)

    assert approvers(access, lacking(stage), "shop") == ("User ana", "User dana", "User max")


def test_a_viewer_who_may_approve_gets_no_names(stage: ClusterEnv, access: ClusterClient) -> None:
    grant(stage, access, "release", "approve", subject("User", "dana"))
    rights = Rights(namespace=stage.namespace, allowed=lacking(stage).allowed | {("approve", "applications")}, enforced=True)

    assert approvers(access, rights, "shop") == ()


def test_a_viewer_who_may_not_read_bindings_gets_no_names(stage: ClusterEnv, access: ClusterClient) -> None:
    grant(stage, access, "release", "approve", subject("User", "dana"))
    credentials = token(stage, access, "viewer", "get", "list", "patch")
    host, authority = stage.plane.host, stage.plane.authority
    kubeconfig = write_kubeconfig(stage.folder / "viewer", server=host, authority=authority, user="viewer", token=credentials)
    viewer = ClusterClient.open(str(kubeconfig), None, stage.namespace)

    assert approvers(viewer, lacking(stage), "shop") == ()
