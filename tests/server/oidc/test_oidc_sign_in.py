"""Sign-in at a provider that the real API server trusts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.server.http.sign_in_pages import COOKIE
from gitops_agent.server.http.token_sessions import COOKIE as SESSION
from gitops_agent.server.openapi import document
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.issuers import issuer, trust
from tests.server.oidc import tokens
from tests.server.oidc.provider_server import CLIENT, SECRET, ProviderServer, callback, provider
from tests.server.running_agent import Agent, grant, running
from tests.source.certificates import Certificates
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

EVERYWHERE = ("nothing", "expired", "headers of a proxy")
"""What is tried at every route; the others are refused before a route matters."""
HOME = "https://gitops.example.com"
NAMED = {"Host": "gitops.example.com"}


@pytest.fixture
def login(tmp_path: Path, issuers: Path) -> Iterator[ProviderServer]:
    """A provider that the API server trusts."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    with provider(Certificates(folder)) as server:
        trust(issuers, issuer(server.issuer, server.authority, CLIENT))
        try:
            yield server
        finally:
            trust(issuers)


class Browser:
    """A browser with its cookies, as they were set."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.jar: dict[str, str] = {}
        self.set: list[str] = []

    def open(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Status, where to go on, and the text of an address."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        status, received, body = self._agent.raw("GET", path, headers={**NAMED, "Cookie": cookie, **headers})
        self.set = received.get_all("set-cookie") or []
        for each in self.set:
            name, _, value = each.partition(";")[0].partition("=")
            self.jar.pop(name, None)
            if value:
                self.jar[name] = value
        return status, received.get("location", ""), body.decode()


def test_a_viewer_signs_in_at_the_provider_and_sees_what_kubectl_would(
    stage: ClusterEnv, access: ClusterClient, login: ProviderServer
) -> None:
    stage.application("shop", healthy())
    grant(access, stage.namespace, "oidc:dev", "get", "list")
    secret = {"client-secret": SECRET, "ca.crt": login.authority}
    metadata = {"namespace": stage.namespace, "name": "login"}
    access.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret})
    oidc = {"issuer": login.issuer, "clientID": CLIENT, "secret": "login", "scopes": ["groups"]}
    with running(stage, dashboard={"auth": "oidc"}, oidc=oidc, server={"externalURL": HOME}) as agent:
        eventually(lambda: trusted(access, login.token("x")), seconds=90, what="the API server trusts the issuer")
        before = list(login.requests)
        refusal = agent.ask("GET", "/api/v1/me", Host="gitops.example.com")
        browser, path = Browser(agent), f"/a/{stage.namespace}/shop?x=1"
        elsewhere = browser.open(f"/auth/login?return={path}", Host="localhost")
        begun = browser.open(f"/auth/login?return={path.replace('?', '%3F')}")
        begun_cookie = browser.set
        kept = dict(browser.jar)
        answer = login.sign_in(begun[1])
        finished = browser.open(callback(answer))
        finished_cookies = browser.set
        me = agent.ask("GET", "/api/v1/me", Cookie=f"{SESSION}={browser.jar[SESSION]}", **NAMED)
        rows = agent.ask("GET", "/api/v1/applications", Cookie=f"{SESSION}={browser.jar[SESSION]}", **NAMED)
        refused = hostile(browser, login, kept, answer)
        accepted = {
            (name, method, path): status
            for name, headers in forged(login).items()
            for method, path in (private_routes(stage.namespace) if name in EVERYWHERE else [("GET", "/api/v1/me")])
            if (status := agent.raw(method, path, None if method != "POST" else "{}", headers)[0]) != 401
        }

    assert before == [each for each in before if each in ("/keys", "/.well-known/openid-configuration")]
    assert (refusal[0], refusal[1]["mode"], refusal[1]["issuer"]) == (401, "oidc", urlsplit(login.issuer).netloc)
    assert elsewhere[:2] == (303, f"{HOME}/auth/login?{urlencode({'return': path})}")
    query = dict(parse_qsl(urlsplit(begun[1]).query))
    assert (begun[0], query["scope"], query["code_challenge_method"]) == (303, "openid groups", "S256")
    assert query["redirect_uri"] == f"{HOME}/auth/callback"
    assert all(part in begun_cookie[0] for part in (f"{COOKIE}=", "Secure; HttpOnly; SameSite=Lax", "Max-Age=600"))
    assert finished[:2] == (303, path)
    assert any(each.startswith(f"{SESSION}=") and "Secure; HttpOnly; SameSite=Strict" in each for each in finished_cookies)
    assert any(each.startswith(f"{COOKIE}=;") for each in finished_cookies)
    assert (me[1]["user"], me[1]["mode"], "oidc:dev" in me[1]["groups"]) == ("oidc:dana", "oidc", True)
    assert [row[1] for row in rows[1]["rows"]] == ["shop"]
    # A body that is wrong is refused before the session counts.
    assert {call: status for call, status in accepted.items() if (call[1], status) != ("POST", 422)} == {}
    assert {name: (status, shown) for name, (status, shown) in refused.items() if status != 401 or not shown} == {}


def hostile(
    browser: Browser, login: ProviderServer, kept: dict[str, str], answer: dict[str, str]
) -> dict[str, tuple[int, bool]]:
    """The status of callbacks that prove nothing, and whether they are safe."""
    results: dict[str, tuple[int, bool]] = {}

    def attempt(name: str, changed: dict[str, str], *, cookie: bool = True) -> None:
        browser.jar = {}
        fresh = login.sign_in(browser.open("/auth/login?return=//evil.example")[1])
        if not cookie:
            browser.jar = {}
        status, _, text = browser.open(callback({**fresh, **changed}))
        quiet = SESSION not in browser.jar and SECRET not in text and "<script" not in text and "Sign in again" in text
        results[name] = (status, quiet)

    browser.jar = dict(kept)
    status, _, text = browser.open(callback(answer))
    results["replayed code"] = (status, SESSION not in browser.jar and "invalid_grant" in text)
    attempt("no cookie", {}, cookie=False)
    attempt("forged state", {"state": "x" * 43})
    attempt("no state", {"state": ""})
    attempt("another provider", {"iss": "https://evil.example"})
    attempt("wrong code", {"code": "x"})
    attempt("no code", {"code": ""})
    attempt("refused", {"error": "access_denied", "error_description": "<script>alert(1)</script>"})
    for name, claims in (
        ("forged nonce", {"nonce": "x"}),
        ("wrong audience", {"aud": "kubernetes"}),
        ("expired", {"exp": 1}),
        ("unknown to the API server", {"sub": ["dana"]}),
    ):
        login.claims |= claims
        attempt(name, {})
        login.claims = {"sub": "dana", "groups": ["dev"]}
    return results


def private_routes(namespace: str) -> list[tuple[str, str]]:
    """Method and address of all operations that need a session."""
    names = {"namespace": namespace, "name": "shop"}
    return [
        (method.upper(), re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], "x"), path))
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if operation.get("security") != []
    ]


def forged(login: ProviderServer) -> dict[str, dict[str, str]]:
    """Headers that are no session, by what is wrong with them."""
    now = int(time.time())
    claims = {"iss": login.issuer, "aud": CLIENT, "sub": "dana", "groups": ["dev"], "iat": now, "exp": now + 600}
    unsigned = tokens.unsigned({"alg": "none", "kid": "one"}, claims)
    texts = {
        "wrong": "wrong",
        "expired": login.token("x", iat=now - 7200, exp=now - 3600),
        "alg none": f"{unsigned}.",
        "HS256 with the public key": tokens.hs256(claims, tokens.public_pem()),
        "wrong audience": login.token("x", aud="kubernetes"),
        "another issuer": login.token("x", iss="https://evil.example"),
        "another key": tokens.rs256(claims, key=tokens.rsa_key("other")),
    }
    headers = {name: {"Authorization": f"Bearer {text}"} for name, text in texts.items()}
    headers["nothing"] = {}
    headers["headers of a proxy"] = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
    headers["the cookie of a login"] = {"Cookie": f"{COOKIE}=x; {SESSION}=x"}
    return {name: {**NAMED, "Content-Type": "application/json", **each} for name, each in headers.items()}


def trusted(access: ClusterClient, token: str) -> bool:
    """Whether the API server accepts a token."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = access.transport.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=body)
    return bool(answer["status"].get("authenticated"))
