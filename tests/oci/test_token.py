from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.oci.login import ANONYMOUS, Login
from gitops_agent.oci.reference import Reference
from gitops_agent.oci.token import Challenge, Tokens
from tests.oci.fake_registry import FakeRegistry

USER = Login(username="u", password="hidden")
GHCR = Reference.parse("oci://ghcr.io/acme/web")


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull"',
            Challenge(scheme="bearer", realm="https://auth.docker.io/token", service="registry.docker.io"),
        ),
        ("bearer realm=https://a/t , service=b", Challenge(scheme="bearer", realm="https://a/t", service="b")),
        ('Bearer realm="a\\"b"', Challenge(scheme="bearer", realm='a"b')),
        ('Basic realm="x"', Challenge(scheme="basic", realm="x")),
        ("Bearer", Challenge(scheme="bearer")),
        ("Negotiate", Challenge(scheme="")),
        ("Bearerx realm=y", Challenge(scheme="")),
        ("", Challenge(scheme="")),
    ],
)
def test_a_challenge_is_read(header: str, challenge: Challenge) -> None:
    assert Challenge.parse(header) == challenge


@pytest.mark.parametrize(
    "realm",
    [
        "https://auth.evil.example/token",
        "https://ghcr.io.evil.example/token",
        "https://ghcr.io:8443/token",
        "https://ghcr.io@evil.example/token",
        "https://user@ghcr.io/token",
        "http://ghcr.io/token",
        "http://127.0.0.1/token",
        "//ghcr.io/token",
        "ftp://ghcr.io/token",
        "https://[/token",
        "",
    ],
)
def test_a_strange_token_service_is_refused_before_anything_is_sent(realm: str) -> None:
    with pytest.raises(SourceError) as caught:
        Tokens().ask(GHCR, USER, Challenge(scheme="bearer", realm=realm), HttpClient(resolver=_never))

    assert caught.value.reason == "RegistryRefused"
    assert "hidden" not in str(caught.value)


def _never(host: str, port: int) -> tuple[str, ...]:
    raise AssertionError(f"{host} was resolved")


def test_the_refusal_says_what_to_write() -> None:
    with pytest.raises(SourceError, match=r"asks for the password at auth\.evil\.example: list auth\.evil\.example in `hosts`"):
        Tokens().ask(GHCR, USER, Challenge(scheme="bearer", realm="https://auth.evil.example/t"), HttpClient(resolver=_never))


@pytest.mark.parametrize(
    ("url", "realm", "hosts"),
    [
        ("oci://docker.io/a/b", "https://auth.docker.io/token", ()),
        ("oci://registry.gitlab.com/a/b", "https://gitlab.com/jwt/auth", ()),
        ("oci://ghcr.io:443/a/b", "https://ghcr.io/token", ()),
        ("oci://ghcr.io/a/b", "https://GHCR.io:443/token", ()),
        ("oci://reg.example.com/a", "https://git.example.com/jwt/auth", ("git.example.com",)),
        ("oci://reg.example.com/a", "https://git.example.com:8443/jwt/auth", ("git.example.com:8443",)),
    ],
)
def test_services_that_belong_to_the_registry_are_asked(url: str, realm: str, hosts: tuple[str, ...]) -> None:
    asked: list[str] = []

    def note(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        raise OSError

    login = Login(username="u", password="p", token_hosts=hosts)
    with pytest.raises(SourceError, match="resolved"):
        Tokens().ask(Reference.parse(url), login, Challenge(scheme="bearer", realm=realm), HttpClient(resolver=note))

    assert asked == [realm.split("/")[2].partition(":")[0].lower()]


def test_the_owner_of_the_secret_has_the_last_word() -> None:
    hosts = AllowedHosts(patterns=("docker.io",), subject="Secret shop/pull", rule="its annotation")
    login = Login(username="u", password="p", hosts=hosts)

    with pytest.raises(HostRefused, match=r"auth\.docker\.io"):
        Tokens().ask(
            Reference.parse("oci://docker.io/a/b"),
            login,
            Challenge(scheme="bearer", realm="https://auth.docker.io/token"),
            HttpClient(resolver=_never),
        )


def test_a_token_is_for_one_repository_and_for_pulling(fake: FakeRegistry) -> None:
    fake.bearer = "abc"
    tokens = Tokens()
    reference = fake.reference("acme/web")

    challenge = Challenge(scheme="bearer", realm=f"{fake.url}/token", service="te st")
    assert tokens.ask(reference, ANONYMOUS, challenge, HttpClient()) == "abc"

    assert fake.seen == [("GET", "/token?service=te%20st&scope=repository%3Aacme%2Fweb%3Apull", "")]
    assert tokens.get(reference, ANONYMOUS) == "abc"
    assert tokens.get(reference, USER) == ""
    assert tokens.get(fake.reference("acme/other"), ANONYMOUS) == ""


def test_a_token_is_kept_until_shortly_before_its_end(fake: FakeRegistry) -> None:
    now = [100.0]
    tokens = Tokens(clock=lambda: now[0])
    reference = fake.reference("web")
    for seconds, used, unused in ((300, 269.0, 271.0), (20, 9.0, 11.0), ("soon", 29.0, 31.0), (10**9, 3569.0, 3571.0)):
        fake.token_answer = {"access_token": "abc", "expires_in": seconds}
        now[0] = 100.0
        tokens.ask(reference, ANONYMOUS, Challenge(scheme="bearer", realm=f"{fake.url}/token"), HttpClient())

        now[0] = 100.0 + used
        assert tokens.get(reference, ANONYMOUS) == "abc"
        now[0] = 100.0 + unused
        assert tokens.get(reference, ANONYMOUS) == ""


def test_an_identity_token_is_exchanged(fake: FakeRegistry) -> None:
    fake.bearer, fake.basic = "abc", ("u", "identity")

    login = Login(identity_token="identity")
    challenge = Challenge(scheme="bearer", realm=f"{fake.url}/token")
    assert Tokens().ask(fake.reference("web"), login, challenge, HttpClient()) == "abc"
    assert fake.seen == [("POST", "/token", "")]


@pytest.mark.parametrize("answer", [{}, {"token": ""}, {"token": "a b"}, {"token": "a\r\nX: y"}, {"token": 1}])
def test_an_answer_without_token_is_transient(fake: FakeRegistry, answer: dict[str, object]) -> None:
    fake.token_answer = answer

    with pytest.raises(SourceError) as caught:
        Tokens().ask(fake.reference("web"), ANONYMOUS, Challenge(scheme="bearer", realm=f"{fake.url}/token"), HttpClient())

    assert caught.value.transient


def test_refused_credentials_are_no_transient_failure(fake: FakeRegistry) -> None:
    fake.basic = ("u", "other")

    with pytest.raises(SourceError, match="gives no token to these credentials") as caught:
        Tokens().ask(fake.reference("web"), USER, Challenge(scheme="bearer", realm=f"{fake.url}/token"), HttpClient())

    assert (caught.value.reason, caught.value.transient) == ("AuthenticationFailed", False)
