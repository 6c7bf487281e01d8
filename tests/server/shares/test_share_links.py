"""What is shown beyond rights on Applications: share links, badges, destinations."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.server.answers.share import LONGEST
from gitops_agent.server.shares import share_key
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.roles import await_rules
from tests.server.running_agent import Agent, running, token
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def install_secret(stage: ClusterEnv, access: ClusterClient) -> None:
    """The Secret as the component installs it."""
    metadata = {"namespace": stage.namespace, "name": share_key.SHARE_SECRET}
    access.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"})


def replace_key(stage: ClusterEnv, access: ClusterClient) -> None:
    data = {"key": base64.b64encode(b"another key of links".ljust(32)).decode()}
    access.objects.merge_patch(SECRET.named(stage.namespace, share_key.SHARE_SECRET), {"data": data})


def test_a_link_shows_one_state_until_its_key_is_replaced(
    stage: ClusterEnv, access: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_key, "_KNOWN_SECONDS", 0.0)
    install_secret(stage, access)
    for name in ("shop", "pay"):
        stage.application(name, healthy())
    sharer = token(stage, access, "sharer", "get", "list", "patch", "share")
    reader = token(stage, access, "reader", "get", "list", "patch")
    owner = token(stage, access, "owner", "get", "share", names=("shop",))
    shop = {"namespace": stage.namespace, "name": "shop"}
    with running(stage, dashboard={"shareLinks": True}, server={"externalURL": "https://gitops.example.com/"}) as agent:
        listed = "/api/v1/applications"
        for credential in (sharer, reader):  # a new role counts a little later
            eventually(
                lambda key=credential: agent.ask("GET", listed, key)[1]["total"] == 2,  # type: ignore[misc]
                what="both applications",
            )
        refused = [agent.ask("POST", "/api/v1/share", reader, body) for body in ({"application": shop}, {"filter": "ns:x"})]
        wrong = [
            agent.ask("POST", "/api/v1/share", sharer, body)[0]
            for body in (
                {},
                {"application": shop, "filter": "x"},
                {"application": shop, "ttl": "169h"},
                {"filter": "x", "ttl": "1s"},
            )
        ]
        hidden = agent.ask("POST", "/api/v1/share", sharer, {"application": {"namespace": stage.namespace, "name": "gone"}})
        status, made, _ = agent.ask("POST", "/api/v1/share", sharer, {"application": shop, "ttl": "8h"})
        several = agent.ask("POST", "/api/v1/share", sharer, {"filter": "pay", "ttl": f"{LONGEST.days * 24}h"})[1]
        single, some = (f"/api/v1/shared/{each['url'].rpartition('/')[2]}" for each in (made, several))
        seen = {path: agent.ask("GET", single + path) for path in paths(stage)}
        rows = [row[1] for link in (single, some) for row in agent.ask("GET", f"{link}/applications")[1]["rows"]]
        verbs = {
            name: agent.ask("GET", "/api/v1/me", key)[1]["rights"][0]["verbs"]
            for name, key in (("sharer", sharer), ("reader", reader))
        }
        offered = {
            name: {each["verb"]: each for each in agent.ask("GET", f"{listed}/{stage.namespace}/shop", key)[1]["actions"]}[
                "share"
            ]
            for name, key in (("owner", owner), ("reader", reader))
        }
        by_owner = [agent.ask("POST", "/api/v1/share", owner, body)[0] for body in ({"application": shop}, {"filter": "shop"})]
        forged = [
            agent.ask("GET", f"/api/v1/shared/{each}")[0]
            for each in ("x.y", single[-43:], single[len("/api/v1/shared/") :] + "A")
        ]
        as_session = agent.ask("GET", "/api/v1/me", single.rpartition("/")[2])[0]
        events = access.transport.request("GET", f"/apis/events.k8s.io/v1/namespaces/{stage.namespace}/events")["items"]
        replace_key(stage, access)
        revoked = [agent.ask("GET", link) for link in (single, some)]

    assert [each[0] for each in refused] == [403, 403]
    assert (wrong, hidden[0]) == ([422, 422, 422, 422], 404)
    assert status == 201
    assert made["url"].startswith("https://gitops.example.com/s/")
    assert {path: answer[0] for path, answer in seen.items()} == paths(stage)
    assert rows == ["shop", "pay"]
    assert ("share" in verbs["sharer"], "share" in verbs["reader"]) == (True, False)
    assert (offered["owner"]["allowed"], by_owner) == (True, [201, 403])
    assert (offered["reader"]["allowed"], offered["reader"]["why"]) == (
        False,
        f"you may not share applications in {stage.namespace}",
    )
    assert "verbs: [share]" in offered["reader"]["rule"]
    assert (forged, as_session) == ([404, 404, 404], 401)
    shared = [each for each in events if each["reason"] == "Shared"]
    assert sorted(each["regarding"]["name"] for each in shared) == [share_key.SHARE_SECRET, "shop", "shop"]
    makers = [each["note"].partition(" made a link")[0].rpartition(":")[2] for each in shared]
    assert sorted(makers) == ["owner", "sharer", "sharer"]
    assert {(answer[0], answer[1]["detail"]) for answer in revoked} == {
        (404, "this link does not exist, or no longer: ask for a new one")
    }
    shown = seen[f"/applications/{stage.namespace}/shop"][1]
    assert (shown["headline"]["next"], shown["actions"], shown["notifiers"], shown["uid"]) == ([], [], [], "")
    assert (
        seen[f"/applications/{stage.namespace}/pay"][1]["detail"].replace("pay", "gone")
        == (seen[f"/applications/{stage.namespace}/gone"][1]["detail"])
    )


def paths(stage: ClusterEnv) -> dict[str, int]:
    """Addresses below a link of one Application, and what they answer."""
    shop = f"/applications/{stage.namespace}/shop"
    return {
        "": 200,
        "/applications": 200,
        shop: 200,
        f"{shop}/timeline": 200,
        **dict.fromkeys((f"{shop}/{part}" for part in ("spec", "tree", "plan", "diff", "drift", "events")), 404),
        f"/applications/{stage.namespace}/pay": 404,
        f"/applications/{stage.namespace}/gone": 404,
        f"/rollouts/{stage.namespace}/web": 404,
        "/held": 404,
    }


def test_badges_and_destinations_show_what_settings_name(
    stage: ClusterEnv, access: ClusterClient, other_namespace: str
) -> None:
    paused = {"reason": "a pause is the state that nothing changes"}
    stage.application("shop", healthy(), destination={"namespace": other_namespace}, suspend=paused)
    stage.application("pay", healthy(), destination={"namespace": stage.namespace})
    team = token(stage, access, "team")
    allow_pods(access, other_namespace, stage.namespace, "team")
    own = f"/api/v1/applications/{stage.namespace}"
    settings = {"visibility": "destination", "badges": [f"{stage.namespace}/s*"]}
    with running(stage, dashboard=settings) as agent:
        eventually(lambda: agent.ask("GET", f"{own}/shop", team)[0] == 200, what="the application")
        rows = [row[1] for row in agent.ask("GET", "/api/v1/applications", team)[1]["rows"]]
        hidden, absent = agent.ask("GET", f"{own}/pay", team), agent.ask("GET", f"{own}/gone", team)
        page = agent.ask("GET", f"{own}/shop", team)[1]
        picture = f"/badge/{stage.namespace}/shop.svg"
        eventually(lambda: "paused" in badge(agent, picture), what="the agent has seen the pause")
        badges = [badge(agent, f"/badge/{stage.namespace}/{name}.svg") for name in ("shop", "pay", "gone", "sold")]

    assert rows == ["shop"]
    assert (hidden[0], hidden[1]["detail"].replace("pay", "gone")) == (404, absent[1]["detail"])
    assert not any(action["allowed"] for action in page["actions"])
    assert ["unknown" in each for each in badges] == [False, True, True, True]


def badge(agent: Agent, path: str) -> str:
    status, headers, body = agent.raw("GET", path)
    assert (status, headers["content-type"], headers["cross-origin-resource-policy"]) == (200, "image/svg+xml", "cross-origin")
    return body.decode()


@pytest.fixture
def other_namespace(stage: ClusterEnv, access: ClusterClient) -> Any:
    name = f"{stage.namespace}-team"
    access.transport.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    yield name
    access.transport.request("DELETE", f"/api/v1/namespaces/{name}")


def allow_pods(access: ClusterClient, namespace: str, home: str, account: str) -> None:
    metadata = {"namespace": namespace, "name": account}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    access.objects.apply({**rbac, "kind": "Role", "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    subjects = [{"kind": "ServiceAccount", "namespace": home, "name": account}]
    access.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": subjects})
    await_rules(access.transport, rules, namespace=namespace, subject=subjects[0])
