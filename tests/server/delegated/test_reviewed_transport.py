"""Viewers of a proxy and guests, on a real API server."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Forbidden
from gitops_agent.server.delegated.reviewed_transport import ReviewedTransport, Subject
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.server.running_agent import Agent, grant, running
from tests.source.certificates import Certificates
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

Reply = tuple[int, Any]


def through_proxy(agent: Agent, certificates: Certificates, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """What a proxy with its certificate gets."""
    context = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    context.load_cert_chain(certificates.path("client.crt"), certificates.path("client.key"))
    connection = http.client.HTTPSConnection("127.0.0.1", agent.dashboard.port, timeout=60, context=context)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"Content-Type": "application/json"} if body is not None else {}
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def test_a_viewer_of_the_proxy_may_what_rbac_allows_and_the_agent_names_them(
    stage: ClusterEnv, access: ClusterClient, tmp_path: Path
) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    certificates = Certificates(folder)
    for name in ("shop", "pay"):
        stage.application(name, healthy())
    grant(access, stage.namespace, "dev", "get", "list", "patch", "pause")
    files = {"tlsCertificate": "server.crt", "tlsKey": "server.key", "proxyCA": "ca.crt"}
    settings = {"auth": "proxy", **{name: certificates.path(file) for name, file in files.items()}}
    shop = f"/api/v1/applications/{stage.namespace}/shop"
    dana: dict[str, str] = {"X_Remote_User": "dana", "X_Remote_Group": "dev"}

    with running(stage, dashboard=settings) as agent:

        def ask(method: str, path: str, body: Any = None, **headers: str) -> Reply:
            return through_proxy(agent, certificates, method, path, body, **headers)

        eventually(lambda: ask("GET", shop, **dana)[0] == 200, what="the application")
        me = ask("GET", "/api/v1/me", **dana)[1]

        def pause() -> bool:
            """Whether it was written; the agent may write a status meanwhile."""
            body = {"resourceVersion": ask("GET", shop, **dana)[1]["resourceVersion"], "reason": "x"}
            return ask("POST", f"{shop}/actions/pause", body, **dana)[0] == 202

        eventually(pause, what="the pause is written")
        version = stage.get("shop")["metadata"]["resourceVersion"]
        refused = ask("POST", f"{shop}/actions/sync", {"resourceVersion": version}, **dana)
        events = ask("GET", f"{shop}/events", **dana)
        rows = [ask("GET", "/api/v1/applications", **who)[1]["rows"] for who in (dana, {"X_Remote_User": "eve"})]
        hidden = ask("GET", shop, X_Remote_User="eve", X_Remote_Group="system:masters")
        strangers = [
            ask("GET", "/api/v1/me", **headers)[0]
            for headers in ({}, {"X_Remote_User": "system:admin"}, {"Authorization": f"Bearer {access_token(stage)}"})
        ]
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            agent.ask("GET", "/api/v1/me", **{"X-Remote-User": "dana"})

    assert (me["user"], me["mode"], me["groups"]) == ("dana", "proxy", ["dev", "system:authenticated"])
    assert me["rights"][0]["verbs"] == ["pause", "resume"]
    assert stage.get("shop")["spec"]["suspend"]["reason"] == "x"
    assert stage.get("shop")["metadata"]["annotations"]["gitops-agent.dev/actor"].startswith("dana dashboard/proxy ")
    assert (refused[0], refused[1]["detail"]) == (403, f"dana may not sync applications in {stage.namespace}")
    assert events[0] == 403
    assert [sorted(row[1] for row in each) for each in rows] == [["pay", "shop"], []]
    assert hidden[0] == 404
    assert strangers == [401, 401, 401]


def access_token(stage: ClusterEnv) -> str:
    return stage.plane.token


def test_a_guest_reads_what_rbac_allows_and_writes_nothing(stage: ClusterEnv, access: ClusterClient) -> None:
    stage.application("shop", healthy())
    grant(access, stage.namespace, "gitops-agent:guests", "*")
    shop = f"/api/v1/applications/{stage.namespace}/shop"
    with running(stage, dashboard={"auth": "guest"}) as agent:
        eventually(lambda: agent.ask("GET", shop)[0] == 200, what="the application")
        page, me = agent.ask("GET", shop)[1], agent.ask("GET", "/api/v1/me")[1]
        written = agent.ask("POST", f"{shop}/actions/pause", "", {"resourceVersion": page["resourceVersion"], "reason": "x"})
        forged = agent.ask("GET", "/api/v1/me", **{"X-Remote-User": "root"})[1]["user"]

    assert (me["user"], me["mode"], me["rights"][0]["verbs"]) == ("gitops-agent:guest", "guest", [])
    assert forged == "gitops-agent:guest"
    assert not any(action["allowed"] for action in page["actions"])
    assert written[0] == 403
    assert "suspend" not in stage.get("shop")["spec"]


def test_every_request_is_reviewed_and_a_verdict_is_believed_for_a_while(stage: ClusterEnv, access: ClusterClient) -> None:
    plain = Transport.from_kubeconfig(stage.plane.kubeconfig)
    transport = ReviewedTransport(plain, Subject(user="eve", groups=("system:authenticated",)))
    path = f"/api/v1/namespaces/{stage.namespace}/secrets"
    try:
        for _ in range(3):
            with pytest.raises(Forbidden, match="eve may not list secrets"):
                transport.request("GET", path)
        with pytest.raises(Forbidden):
            transport.stream(path, {"watch": "1"}, read_timeout=5)
        with pytest.raises(Forbidden, match="impersonates no account"):
            transport.request("GET", "/api/v1/nodes", as_user="system:admin")
        assert transport.request("GET", "/version")["gitVersion"].startswith("v")
        assert transport.count[("create", "subjectaccessreviews.authorization.k8s.io")] == 2
        assert ("list", "secrets") not in transport.count
    finally:
        transport.close()
        plain.close()
