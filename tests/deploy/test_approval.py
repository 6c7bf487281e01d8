"""The admission policy that demands verbs of RBAC."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.client import Actor, ClusterClient
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION, ROLLOUT_POLICY
from gitops_agent.manifest.marks import ACTOR, APPROVED, APPROVED_BY, APPROVED_VIA, FOLLOWED, REQUESTED, RETRY, claim
from gitops_agent.manifest.yaml import load_all
from gitops_agent.operations import requests
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, written
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.server.answers import actions
from gitops_agent.server.source import ClusterSource
from gitops_agent.server.views.actions import ApproveBody
from tests.cli.cluster_env import PLAN, ClusterEnv, install_crds, troubled
from tests.cli.conftest import Run, run
from tests.cli.policies import holding, stored
from tests.deploy.conftest import ROOT
from tests.roles import await_rules
from tests.server.chat.agents import KnownAgent, Slack, entry, listening
from tests.server.chat.requests import DANA
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

__all__ = ["run"]

VERBS = ("sync", "pause", "approve", "promote", "abort", "retry")


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> ClusterEnv:
    install_crds(control_plane)
    return ClusterEnv(control_plane, namespace, tmp_path)


class People:
    """Accounts that may patch, with some verbs."""

    def __init__(self, stage: ClusterEnv, admin: ClusterClient) -> None:
        self.stage, self.admin = stage, admin
        self._rules: dict[str, list[Object]] = {}

    def client(self, name: str, *verbs: str, home: str = "") -> ClusterClient:
        namespace, resources = self.stage.namespace, ["applications", "rolloutpolicies"]
        rules = [{"apiGroups": ["gitops-agent.dev"], "resources": resources, "verbs": ["get", "list", "patch", *verbs]}]
        metadata = {"namespace": namespace, "name": name}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        account = {"kind": "ServiceAccount", "namespace": home or namespace, "name": name}
        self.admin.objects.apply({"apiVersion": "v1", **account_of(account)})
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
        self.admin.objects.apply({**rbac, "kind": "Role", "rules": rules})
        self.admin.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": [account]})
        await_rules(self.admin.transport, rules, namespace=namespace, subject=account)
        self._rules[name] = rules
        kubeconfig = self.stage.plane.service_account_kubeconfig(home or namespace, name)
        return ClusterClient.open(str(kubeconfig), None, namespace)

    def agent(self, *, reviews: bool = False) -> ClusterClient:
        """The agent, whose namespace is another one than that of the Applications."""
        agent = self.client("agent", home=agents(self.stage))
        if reviews:
            name = f"reviews-{self.stage.namespace}"
            rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
            rule = {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}
            account = {"kind": "ServiceAccount", "namespace": agents(self.stage), "name": "agent"}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
            self.admin.objects.apply({**rbac, "kind": "ClusterRole", "rules": [rule]})
            self.admin.objects.apply({**rbac, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [account]})
            await_rules(self.admin.transport, [rule], namespace="", subject=account)
        return agent

    def bind(self, name: str, user: str) -> None:
        """Gives a user the role of an account."""
        metadata = {"namespace": self.stage.namespace, "name": f"{name}-user"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata}
        self.admin.objects.apply({**binding, "roleRef": role, "subjects": [subject]})
        await_rules(self.admin.transport, self._rules[name], namespace=self.stage.namespace, subject=subject)

    def kubeconfig(self, name: str) -> Path:
        return self.stage.plane.service_account_kubeconfig(self.stage.namespace, name)


def agents(stage: ClusterEnv) -> str:
    return f"{stage.namespace}-agent"


def account_of(subject: Object) -> Object:
    return {"kind": subject["kind"], "metadata": {"namespace": subject["namespace"], "name": subject["name"]}}


def policies(stage: ClusterEnv) -> Iterator[Object]:
    """The policies and their bindings, for the namespace of a test."""
    selected = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}}}
    for file in ("policy.yaml", "agent-policy.yaml"):
        data = (ROOT / "deploy/components/approval" / file).read_bytes().replace(b"gitops-system", agents(stage).encode())
        policy, binding = load_all(data, file=file)
        for obj in (policy, binding):
            obj["metadata"]["name"] += f"-{stage.namespace}"
        binding["spec"] |= {"policyName": policy["metadata"]["name"], "matchResources": selected}
        yield from (policy, binding)


@pytest.fixture
def people(stage: ClusterEnv) -> Iterator[People]:
    """A namespace with an Application, a rollout and the policy in force."""
    admin = ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)
    admin.objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": agents(stage)}})
    installed = list(policies(stage))
    held = troubled("False", "HeldForApproval", "7 objects would go")
    stage.application("shop", held)
    stored(stage, holding(0))
    for obj in installed:
        admin.objects.apply(obj)
    accounts = People(stage, admin)
    reader = accounts.client("probe")

    probes = itertools.count()

    def in_force() -> bool:
        return refused(reader, annotated(REQUESTED, f"probe {next(probes)}"), "verb sync")

    eventually(in_force, what="the policy is in force")
    yield accounts
    for obj in reversed(installed):
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


@contextmanager
def chat(people: People, agent: ClusterClient) -> Iterator[tuple[Slack, KnownAgent]]:
    """Slack before an agent that sees the namespace of a test."""
    source = ClusterSource(people.admin)
    source.start()
    backend = KnownAgent(source, agent)
    try:
        with listening(backend) as slack:
            yield slack, backend
    finally:
        source.stop()


def test_without_the_verb_kubectl_the_command_the_page_and_slack_refuse_alike(people: People, run: Run) -> None:
    editor, agent, namespace = people.client("editor"), people.agent(reviews=True), people.stage.namespace
    people.bind("editor", "dana@acme")
    raw = {"metadata": {"annotations": {APPROVED: PLAN, APPROVED_BY: claim(PLAN, f"system:serviceaccount:{namespace}:editor")}}}
    words = f"approving needs the verb approve on applications in {namespace}"
    page = actions.APPLICATION_ACTIONS["approve"]
    with chat(people, agent) as (slack, backend):
        by_slack = slack.says(f"approve shop {PLAN[:12]}")
        status = slack.says("status shop")

    with pytest.raises(Forbidden, match=words):
        patch(editor, raw)
    with pytest.raises(Forbidden, match=words):
        page(editor, editor.application("shop"), ApproveBody(plan=PLAN[:12]))
    by_command = run("approve", "shop", PLAN[:12], "-n", namespace, "--kubeconfig", str(people.kubeconfig("editor")))
    assert (by_command.code, words in by_command.stderr) == (1, True)
    assert words in by_slack
    assert "HeldForApproval" in status
    assert APPROVED not in people.stage.get("shop")["metadata"].get("annotations", {})
    assert backend.recorded == []


def test_with_the_verb_slack_approves_in_the_name_of_the_person(people: People) -> None:
    agent = people.agent(reviews=True)
    people.client("approver", "approve", "promote")
    people.bind("approver", "dana@acme")
    with chat(people, agent) as (slack, backend):
        waiting = slack.says("approve shop")
        wrong = slack.says(f"approve shop {'f' * 12}")
        refused_ = [slack.says(text) for text in ("sync shop", "pause shop 1h x", "retry shop", f"abort {agent.namespace}/web")]
        backend.four_eyes, backend.people = True, [entry(DANA, "dana@acme", authors=["ada@example.com"])]
        own = slack.says(f"approve shop {PLAN[:12]}")
        backend.people = [entry(DANA, "dana@acme")]
        unlisted = slack.says(f"approve shop {PLAN[:12]}")
        backend.people = [entry(DANA, "dana@acme", authors=["dana"])]
        done = slack.says(f"approve shop {PLAN[:12]}")
        promoted = slack.says(f"promote {agent.namespace}/web full")

    annotations = people.stage.get("shop")["metadata"]["annotations"]
    assert "7 objects would go" in waiting
    assert PLAN[:12] in waiting
    assert "is not the plan that waits now" in wrong
    assert [verb in text for verb, text in zip(VERBS_REFUSED, refused_, strict=True)] == [True] * 4
    assert "four eyes are demanded, so another person approves" in own
    assert "no authors are listed for dana@acme" in unlisted
    assert f"application/shop: plan {PLAN[:12]} approved" in done
    assert (annotations[APPROVED_BY], annotations[APPROVED_VIA]) == (f"{PLAN} dana@acme", f"{PLAN} slack/T0ACME/U0DANA")
    assert "promote is requested" in promoted
    policy = agent.objects.get(ROLLOUT_POLICY.named(agent.namespace, "web"))
    assert '"actor":"dana@acme (slack/T0ACME/U0DANA)"' in policy["metadata"]["annotations"][COMMAND]
    assert [text.partition(" asked for ")[2] for text in backend.recorded] == [f"approve, plan {PLAN[:12]}", "promote"]


VERBS_REFUSED = ("verb sync", "verb pause", "verb retry", "its verb (promote, approve, pause, abort or retry)")


def test_only_the_agent_says_how_an_approver_was_identified(people: People) -> None:
    approver, agent = people.client("approver", "approve"), people.agent()
    shop = approver.application("shop")

    names = itertools.count()  # a claim that was taken before the policy was in force is no change any more

    def refuses() -> bool:
        claimed = {"metadata": {"annotations": {APPROVED: PLAN, APPROVED_BY: claim(PLAN, f"dana-{next(names)}")}}}
        return refused(agent, claimed, "approved-via does not say")

    eventually(refuses, what="the policy about the agent")
    dana = replace(agent, actor=Actor(user="dana", via="slack/T1/U1"))
    with pytest.raises(Forbidden, match="written by the agent only"):
        patch(approver, annotated(APPROVED_VIA, claim(PLAN, "slack/T1/U1")))

    requests.approve(dana, shop, PLAN)
    annotations = people.stage.get("shop")["metadata"]["annotations"]
    assert (annotations[APPROVED_BY], annotations[APPROVED_VIA]) == (f"{PLAN} dana", f"{PLAN} slack/T1/U1")
    assert annotations[ACTOR].startswith("dana slack/T1/U1 ")

    requests.approve(approver, shop, PLAN)
    assert APPROVED_VIA not in people.stage.get("shop")["metadata"]["annotations"]


def refused(client: ClusterClient, body: Object, words: str) -> bool:
    try:
        patch(client, body)
    except Forbidden as error:
        return words in str(error)
    return False


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
