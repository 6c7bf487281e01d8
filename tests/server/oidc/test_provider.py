from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.cluster.secrets import SecretContent
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.server.oidc.id_token import SignInFailed
from gitops_agent.server.oidc.provider import Provider, Registration
from tests.server.oidc.provider_server import CLIENT, ProviderServer
from tests.server.oidc.provider_server import provider as running_provider
from tests.source.certificates import Certificates

pytestmark = pytest.mark.slow


class HeldSecret:
    """The Secret of the client."""

    def __init__(self, authority: str, hosts: AllowedHosts) -> None:
        self._content = SecretContent(data={"ca.crt": authority.encode(), "client-secret": b"x"}, hosts=hosts)

    def read(self, namespace: str, name: str) -> SecretContent:
        return self._content


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderServer]:
    with running_provider(Certificates(tmp_path_factory.mktemp("certificates"))) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(server: ProviderServer) -> None:
    server.document, server.requests[:] = {}, []


def opened(server: ProviderServer, *, issuer: str = "", hosts: str = "*", receivers: str = "*") -> Provider:
    allowed = AllowedHosts.setting((hosts,), name="oidc.allowedHosts", subject="a sign-in")
    registration = Registration(issuer=issuer or server.issuer, client=CLIENT, namespace="x", secret="y", hosts=allowed)
    return Provider(registration, HeldSecret(server.authority, AllowedHosts(patterns=(receivers,))))


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/x",
        "http://login.example.com/x",
        "https://user@login.example.com",
        "javascript:alert(1)",
        "",
        None,
        "https://a b",
    ],
    ids=repr,
)
def test_an_address_that_is_not_https_is_refused(server: ProviderServer, name: str, address: Any) -> None:
    server.document = {name: address}

    with pytest.raises(SignInFailed, match=name):
        opened(server).metadata()


def test_a_document_of_another_issuer_is_refused(server: ProviderServer) -> None:
    server.document = {"issuer": "https://evil.example"}

    with pytest.raises(SignInFailed, match=r"evil\.example"):
        opened(server).metadata()


def test_the_sign_in_sends_to_allowed_hosts_only(server: ProviderServer) -> None:
    with pytest.raises(HostRefused, match=r"oidc\.allowedHosts"):
        opened(server, hosts="login.example.com").metadata()
    assert server.requests == []


def test_the_secret_goes_where_its_annotation_allows(server: ProviderServer) -> None:
    with pytest.raises(HostRefused):
        opened(server, receivers="login.example.com").exchange("code", verifier="v", redirect="r")
    assert "/token" not in server.requests


def test_an_endless_document_is_refused(server: ProviderServer) -> None:
    server.document = {"padding": "x" * 400_000}

    with pytest.raises(SignInFailed):
        opened(server).metadata()


@pytest.mark.parametrize("answer", [[], "x", {"keys": 7}, {"keys": [7, None, []]}], ids=repr)
def test_keys_of_another_form_are_none(server: ProviderServer, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = opened(server)
    provider.metadata()
    monkeypatch.setattr(server, "answer", lambda _: answer)

    assert provider.keys("one") == []


def test_the_document_is_read_once_and_keys_again_for_another_name_but_not_at_once(server: ProviderServer) -> None:
    provider = opened(server)

    for key in ("one", "one", "", "rotated", "rotated"):
        assert [each["kid"] for each in provider.keys(key)] == ["one"]

    assert server.requests == ["/.well-known/openid-configuration", "/keys"]


def test_a_certificate_of_another_authority_is_not_trusted(server: ProviderServer) -> None:
    registration = Registration(issuer=server.issuer, client=CLIENT)

    with pytest.raises(AgentError, match="cannot be reached"):
        Provider(registration, HeldSecret(server.authority, AllowedHosts())).metadata()


def test_a_refused_code_says_why(server: ProviderServer) -> None:
    with pytest.raises(SignInFailed, match="invalid_client"):
        opened(server).exchange("code", verifier="v", redirect="r")
