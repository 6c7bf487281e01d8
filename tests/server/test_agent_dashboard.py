"""The dashboard of a running agent: tokens, rights, cost, followers."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.server.http.token_sessions import COOKIE
from gitops_agent.server.routes import ROUTES
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.notify.receiver import Receiver
from tests.server.running_agent import Agent, running, token
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_viewers_see_and_do_what_their_own_tokens_allow(stage: ClusterEnv, access: ClusterClient) -> None:
    url = stage.repository({"flags.yaml": configmap_text()})
    for name in ("shop", "pay"):
        stage.application(name, source={"repoURL": url, "ref": {"branch": "main"}, "path": "."})
    all_ = token(stage, access, "all", "get", "list", "patch")
    only_pay = token(stage, access, "one", "get", names=("pay",))
    none = token(stage, access, "none")
    shop = f"/api/v1/applications/{stage.namespace}/shop"
    with running(stage) as agent:
        eventually(lambda: agent.ask("GET", shop, all_)[0] == 200, what="the application")
        _, mine, _ = agent.ask("GET", "/api/v1/me", all_)
        rows = {key: agent.ask("GET", "/api/v1/applications", key)[1]["rows"] for key in (all_, only_pay, none)}
        hidden, absent = agent.ask("GET", shop, only_pay), agent.ask("GET", shop.replace("shop", "gone"), only_pay)
        status, page, _ = agent.ask("GET", shop, all_)
        paused = agent.ask("POST", f"{shop}/actions/pause", all_, {"resourceVersion": page["resourceVersion"], "reason": "x"})
        forbidden = agent.ask(
            "POST",
            f"/api/v1/applications/{stage.namespace}/pay/actions/sync",
            only_pay,
            {"resourceVersion": "1"},
        )
        wrong = [agent.ask(route.method, "/api/v1/me", "wrong." + all_)[0] for route in ROUTES[:1]]
        signed = agent.ask("POST", "/api/v1/session", "", {"token": all_})
        cookie = "; ".join(each.partition(";")[0] for each in signed[2])
        by_cookie = agent.ask("GET", "/api/v1/me", Cookie=cookie)

    user = f"system:serviceaccount:{stage.namespace}"
    assert (mine["user"], mine["mode"]) == (f"{user}:all", "token")
    assert {key: sorted(row[1] for row in visible_rows) for key, visible_rows in rows.items()} == {
        all_: ["pay", "shop"],
        only_pay: ["pay"],
        none: [],
    }
    assert hidden[0] == absent[0] == 404
    assert (status, paused[0]) == (200, 202)
    manager = [each["manager"] for each in stage.get("shop")["metadata"]["managedFields"] if "f:suspend" in str(each)]
    assert manager != []
    assert forbidden[0] in (403, 409)
    assert wrong == [401]
    assert signed[2][0].startswith(f"{COOKIE}=")
    assert all("Secure; HttpOnly; SameSite=Strict" in each for each in signed[2])
    assert by_cookie[1]["user"] == f"{user}:all"


def test_a_viewer_compares_from_the_mirror_of_the_agent_and_without_the_right_to_write(
    stage: ClusterEnv, access: ClusterClient
) -> None:
    url = stage.repository({"flags.yaml": configmap_text()})
    first = stage.git("rev-parse", "HEAD")
    stage.write({"flags.yaml": configmap_text().replace('"on"', "dim")})
    second = stage.commit("Dim")
    stage.git("checkout", "--quiet", "-b", "secret")
    stage.write({"flags.yaml": configmap_text().replace('"on"', "hidden")})
    hidden = stage.commit("Hidden")
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "."}, suspend={"reason": "look"})
    stage.owned("shop", configmap("flags", dark="on"))
    viewer = token(stage, access, "reader", "get", "list", reads=("configmaps",))
    shop = f"/api/v1/applications/{stage.namespace}/shop"
    with running(stage) as agent:
        eventually(lambda: seen(agent, shop, viewer) == second, what="the newest commit")
        stage.clone.rename(stage.folder / "away")
        between = agent.ask("GET", f"{shop}/diff?from=rev:{first[:12]}&to=rev:{second[:12]}", viewer)
        plan = agent.ask("GET", f"{shop}/plan", viewer)
        timeline = agent.ask("GET", f"{shop}/timeline?commits=true", viewer)
        other = agent.ask("GET", f"{shop}/diff?from=live&to=rev:{hidden}", viewer)
        _, about, _ = agent.ask("GET", "/api/v1/agent", viewer)

    assert (between[0], rows_of(between[1])) == (200, [("dark", "on", "dim")])
    (changed,) = plan[1]["objects"]
    assert (changed["estimated"], changed["refusedReason"], rows_of(plan[1])) == (True, "Forbidden", [("dark", "on", "dim")])
    assert [entry["commit"]["subject"] for entry in timeline[1]["entries"]] == ["Dim", "The first commit"]
    assert other[0] == 502
    assert about["queue"]["ready"] >= 0
    load = about["load"]
    assert load["reconciles"] > 0
    assert load["apiRequests"] > 0
    assert 0 <= load["apiSeconds"] <= 3600
    assert load["memoryBytes"] > 10_000_000
    assert [(each["url"], bool(each["polledAt"]), each["pushedAt"]) for each in about["repositories"]] == [(url, True, "")]
    assert {tool["name"] for tool in about["tools"]} == {"git", "helm", "kustomize"}
    assert (about["webhooks"], about["cannotSee"]) == (False, [])


def seen(agent: Agent, path: str, viewer: str) -> str:
    """The newest commit that the agent has seen of an Application."""
    status, body, _ = agent.ask("GET", path, viewer)
    return str(body["source"]["seen"]["revision"]) if status == 200 else ""


def rows_of(diff: Any) -> list[tuple[str, Any, Any]]:
    """Field, old and new value of each changed field."""
    hunks = [hunk for each in diff["objects"] for hunk in each["hunks"]]
    return [(row["field"], row["old"], row["new"]) for hunk in hunks for row in hunk["rows"]]


def test_without_viewers_the_dashboard_costs_nothing(stage: ClusterEnv, access: ClusterClient) -> None:
    stage.application("shop")
    with running(stage) as agent:
        before = dict(agent.transport.count)
        rows = agent.dashboard._dashboard._service.rows

        assert rows.active is False
        assert rows.snapshot()[2] == []
        assert not {key for key in before if key[1] == "tokenreviews.authentication.k8s.io"}


def test_a_replica_that_does_not_lead_says_so(stage: ClusterEnv, access: ClusterClient) -> None:
    viewer = token(stage, access, "viewer", "get", "list")
    with running(stage, leads=False) as agent:
        status, answer, _ = agent.ask("GET", "/api/v1/applications", viewer)

    assert (status, answer["reason"]) == (503, "Unavailable")


def configmap_text() -> str:
    from gitops_agent.manifest.yaml import dump

    return dump(configmap("flags", dark="on"))


def test_a_test_message_is_for_those_who_may_patch_the_notifier(stage: ClusterEnv, access: ClusterClient) -> None:
    patches = token(stage, access, "patches", "get", "list", "patch", resource="notifiers")
    lists = token(stage, access, "lists", "get", "list", resource="notifiers")
    none = token(stage, access, "none")
    with Receiver() as receiver, running(stage) as agent:
        metadata, spec = {"namespace": stage.namespace, "name": "hook"}, {"provider": "webhook", "address": receiver.url}
        access.objects.apply(
            {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": metadata, "spec": spec}
        )
        path = f"/api/v1/notifiers/{stage.namespace}/hook/actions/test"
        statuses = [agent.ask("POST", path, key, {})[0] for key in (patches, lists, none)]
        absent = agent.ask("POST", path.replace("hook", "gone"), patches, {})[0]

        def answered() -> dict[str, Any] | None:
            test: dict[str, Any] | None = agent.ask("GET", "/api/v1/notifiers", lists)[1]["notifiers"][0]["test"]
            return test

        test = eventually(answered, what="the verdict")

    assert statuses == [202, 403, 404]
    assert absent == 404
    assert test is not None
    assert test["delivered"]
    assert [request.json["event"] for request in receiver.told] == ["Test"]
