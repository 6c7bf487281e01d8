"""The admission policy that demands verbs of RBAC."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION, ROLLOUT_POLICY
from gitops_agent.manifest.marks import APPROVED, APPROVED_BY, FOLLOWED, REQUESTED, RETRY, claim
from gitops_agent.manifest.yaml import load_all
from gitops_agent.operations import requests
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, written
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.cluster_env import PLAN, ClusterEnv, install_crds, troubled
from tests.cli.policies import holding, stored
from tests.deploy.conftest import ROOT
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

VERBS = ("sync", "pause", "approve", "promote", "abort", "retry")


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> ClusterEnv:
    install_crds(control_plane)
    return ClusterEnv(control_plane, namespace, tmp_path)


class People:
    """Accounts that may patch, with some verbs."""

    def __init__(self, stage: ClusterEnv, admin: ClusterClient) -> None:
        self.stage, self.admin = stage, admin

    def client(self, name: str, *verbs: str) -> ClusterClient:
        namespace, resources = self.stage.namespace, ["applications", "rolloutpolicies"]
        rules = [{"apiGroups": ["gitops-agent.dev"], "resources": resources, "verbs": ["get", "list", "patch", *verbs]}]
        metadata = {"namespace": namespace, "name": name}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        account = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
        self.admin.objects.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
        self.admin.objects.apply({**rbac, "kind": "Role", "rules": rules})
        self.admin.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": [account]})
        kubeconfig = self.stage.plane.service_account_kubeconfig(namespace, name)
        return ClusterClient.open(str(kubeconfig), None, namespace)


@pytest.fixture
def people(stage: ClusterEnv) -> Iterator[People]:
    """A namespace with an Application, a rollout and the policy in force."""
    admin = ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)
    path = ROOT / "deploy/components/approval/policy.yaml"
    policy, binding = load_all(path.read_bytes(), file=path.name)
    for obj in (policy, binding):
        obj["metadata"]["name"] = f"verbs-{stage.namespace}"
    binding["spec"]["policyName"] = policy["metadata"]["name"]
    binding["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}}}
    held = troubled("False", "HeldForApproval", "7 objects would go")
    stage.application("shop", held)
    stored(stage, holding(0))
    admin.objects.apply(policy)
    admin.objects.apply(binding)
    accounts = People(stage, admin)
    reader = accounts.client("probe")

    probes = itertools.count()

    def refused() -> bool:
        try:
            patch(reader, annotated(REQUESTED, f"probe {next(probes)}"))
        except Forbidden as error:
            return "verb sync" in str(error)
        return False

    eventually(refused, seconds=60, what="the policy is in force")
    yield accounts
    for obj in (binding, policy):
        live = admin.objects.get(ObjectKey.of(obj))
        admin.objects.delete(ObjectKey.of(obj), uid=live["metadata"]["uid"])


def annotated(name: str, value: str) -> Object:
    return {"metadata": {"annotations": {name: value}}}


def patch(client: ClusterClient, body: Object) -> Object:
    return client.objects.merge_patch(APPLICATION.named(client.namespace, "shop"), body)


def command(client: ClusterClient, text: str) -> Object:
    return client.objects.merge_patch(ROLLOUT_POLICY.named(client.namespace, "web"), annotated(COMMAND, text))


def order(kind: CommandKind, reason: str = "because") -> str:
    return written(Command(order=kind, nonce="n", hash="h", actor="dana", reason=reason))


CASES: list[tuple[str, Callable[[ClusterClient], Any]]] = [
    ("sync", lambda client: patch(client, annotated(REQUESTED, "now"))),
    ("sync", lambda client: patch(client, annotated(FOLLOWED, '{"branch":"main"}'))),
    ("retry", lambda client: patch(client, annotated(RETRY, "now"))),
    ("pause", lambda client: patch(client, {"spec": {"suspend": {"reason": "look"}}})),
    ("approve", lambda client: requests.approve(client, client.application("shop"), PLAN)),
    ("approve", lambda client: command(client, order(CommandKind.APPROVE))),
    ("promote", lambda client: command(client, order(CommandKind.PROMOTE))),
    ("promote", lambda client: command(client, order(CommandKind.ADVANCE))),
    ("pause", lambda client: command(client, order(CommandKind.PAUSE))),
    ("pause", lambda client: command(client, order(CommandKind.RESUME))),
    ("abort", lambda client: command(client, order(CommandKind.ABORT))),
    ("retry", lambda client: command(client, order(CommandKind.RETRY))),
]


def test_every_request_to_the_agent_needs_its_verb_whatever_the_client(people: People) -> None:
    clients = {verb: people.client(f"may-{verb}", verb) for verb in VERBS}
    others = {verb: people.client(f"not-{verb}", *(each for each in VERBS if each != verb)) for verb in VERBS}
    for verb, act in CASES:
        with pytest.raises(Forbidden, match="verb"):
            act(others[verb])
        act(clients[verb])


def test_patch_alone_changes_the_spec_and_nothing_that_has_a_verb(people: People) -> None:
    editor = people.client("editor")

    patch(editor, {"spec": {"sync": {"prune": False}}})
    patch(editor, annotated("example.com/note", "x"))

    assert people.stage.get("shop")["spec"]["sync"]["prune"] is False


def test_an_approval_names_the_one_who_gives_it(people: People) -> None:
    approver = people.client("approver", "approve")

    forged = {"metadata": {"annotations": {APPROVED: PLAN, APPROVED_BY: claim(PLAN, "another")}}}
    with pytest.raises(Forbidden, match="another user"):
        patch(approver, forged)

    requests.approve(approver, approver.application("shop"), PLAN)
    name = people.stage.get("shop")["metadata"]["annotations"][APPROVED_BY]
    assert name == f"{PLAN} system:serviceaccount:{people.stage.namespace}:approver"


SPELLINGS = (
    '{ "order":"approve","nonce":"n"}',
    '{"nonce":"n","order":"approve"}',
    '{"order":"pause","nonce":"n","order":"approve"}',
    '{"order":"pause","nonce":"n","\\u006frder":"approve"}',
)


def test_a_command_in_another_spelling_hides_no_order(people: People) -> None:
    pauser = people.client("pauser", "pause")
    for text in SPELLINGS:
        with pytest.raises(Forbidden, match="spelling"):
            command(pauser, text)
