"""Slack and a whole agent on the control plane."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gitops_agent.agent.runtime import Runtime
from gitops_agent.api.application_row import summary
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import ACTOR
from gitops_agent.manifest.yaml import dump
from gitops_agent.server.chat.identities import FILE
from gitops_agent.server.chat.leader import SIGNING, ChatLeader
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.roles import await_rules
from tests.server.chat.agents import PEOPLE, Slack, entry, listening
from tests.server.chat.requests import LI, SECRET, slash
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def settings(stage: ClusterEnv) -> Settings:
    return Settings.model_validate(
        {
            "cluster": {"namespace": stage.namespace},
            "source": {"cache_dir": str(stage.folder / "cache"), "allow_file": True},
            "leader": {"enabled": False},
            "chat": {"slack": True},
        }
    )


@contextmanager
def running(stage: ClusterEnv) -> Iterator[Slack]:
    """A leading agent that listens to Slack."""
    transport = Transport.from_kubeconfig(stage.plane.kubeconfig)
    runtime = Runtime(settings(stage), transport)
    thread = threading.Thread(target=runtime.run)
    thread.start()
    try:
        with listening(ChatLeader(runtime, settings(stage))) as slack:
            eventually(lambda: slack.post(slash("help")).status == 200, what="the agent leads")
            yield slack
    finally:
        runtime.stop()
        thread.join(60)
        transport.close()


def grant(access: ClusterClient, stage: ClusterEnv, user: str, *verbs: str) -> None:
    metadata = {"namespace": stage.namespace, "name": user.partition("@")[0]}
    rules = [{"apiGroups": ["gitops-agent.dev"], "resources": ["applications"], "verbs": list(verbs)}]
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    access.objects.apply({**rbac, "kind": "Role", "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": metadata["name"]}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    access.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]})
    await_rules(access.transport, rules, namespace=stage.namespace, subject=subject)


def listed(stage: ClusterEnv, *people: Object) -> Object:
    metadata = {"namespace": stage.namespace, "name": "gitops-agent-chat-identities"}
    data = {FILE: dump({"identities": list(people)})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_people_of_slack_see_and_do_what_their_users_may(stage: ClusterEnv, access: ClusterClient) -> None:
    url = stage.repository({"flags.yaml": dump(configmap("flags", dark="on"))})
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "."})
    secret = {"namespace": stage.namespace, "name": "gitops-agent-slack"}
    text = {SIGNING: f"old\n{SECRET.decode()}\n"}
    access.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": text})
    access.objects.apply(listed(stage, *PEOPLE))
    grant(access, stage, "dana@acme", "get", "list", "patch", "pause", "sync")
    with running(stage) as slack:
        eventually(lambda: summary(stage.get("shop"))["ready"] == "True", what="the application is synced")
        eventually(lambda: "1 of 1 Applications are ready" in slack.says("status"), every=1, what="the agent's own watch")
        detail, why, diff = (slack.says(f"{verb} shop") for verb in ("status", "why", "diff"))
        paused = slack.says("pause shop 2h a *look*")
        again = slack.says("sync shop")
        hidden, absent = slack.says("why shop", user_id=LI), slack.says("why gone", user_id=LI)
        elsewhere = slack.says("status other/shop")
        every = slack.says("status", user_id=LI)
        access.objects.apply(listed(stage, entry(LI, "dana@acme")))
        eventually(lambda: "resumed" in slack.says("resume shop", user_id=LI), every=1, what="the changed list")
        gone = slack.says("status")

    shop = stage.get("shop")
    assert f"{stage.namespace}/shop is Healthy" in detail
    assert "Source:" in detail
    assert "Reason:" in why
    assert "no differences: 1 objects" in diff
    assert "application/shop: paused until" in paused
    assert "shop is paused until" in again
    assert shop["spec"].get("suspend") is None
    assert shop["metadata"]["annotations"][ACTOR].startswith("dana@acme slack/T0ACME/U0LI ")
    assert hidden.replace("shop", "gone") == absent
    assert "there is no Application shop in namespace other that you may see" in elsewhere
    assert 'User "li@acme" cannot list resource "applications"' in every
    assert "does not name slack/T0ACME/U0DANA" in gone
    notes = [
        str(event["note"])
        for event in access.objects.list(access.discovery.find("events.k8s.io", "Event"), namespace=stage.namespace).items
        if event["reason"] == "Requested"
    ]
    assert sorted(notes) == [
        "dana@acme (slack/T0ACME/U0DANA) asked for pause, a *look*",
        "dana@acme (slack/T0ACME/U0LI) asked for resume",
    ]


def test_a_list_that_cannot_be_used_is_no_list(stage: ClusterEnv, access: ClusterClient) -> None:
    secret = {"namespace": stage.namespace, "name": "gitops-agent-slack"}
    access.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {SIGNING: SECRET.decode()}})
    with running(stage) as slack:
        absent = slack.says("status")
        access.objects.apply(listed(stage, {"user": "dana@acme"}))
        eventually(lambda: "identities[0].slack: is missing" in slack.says("status"), every=1, what="the list")

    assert "there is no ConfigMap" in absent
