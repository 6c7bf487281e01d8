from __future__ import annotations

import base64

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.credentials import Credentials
from tests.source.github_api import pem, private_key

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----\n"


def test_the_keys_of_a_secret_are_read() -> None:
    credentials = Credentials.from_secret(
        {
            "username": b"ada\n",
            "password": b"pass-word\n",
            "ca.crt": b"PEM",
            "identity.pub": b"ssh-ed25519 AAAA",
            "other": b"\xff",
        }
    )

    assert credentials == Credentials(username="ada", password="pass-word", ca="PEM")
    assert Credentials.from_secret({"bearerToken": b"token"}).bearer_token == "token"
    assert Credentials.from_secret({"identity": KEY.encode(), "known_hosts": b"host key"}).identity == KEY


def test_an_app_and_a_password_exclude_each_other() -> None:
    app = {"githubAppID": b"1", "githubAppPrivateKey": pem(private_key()).encode()}

    with pytest.raises(SourceError, match="both a GitHub App") as caught:
        Credentials.from_secret({**app, "password": b"very-secret"})
    assert "very-secret" not in str(caught.value)

    credentials = Credentials.from_secret(app)
    assert credentials.app is not None
    assert any(len(line) == 64 for line in credentials.secrets()), "the lines of its key are redacted"
    assert credentials.exchanged("token-1") == Credentials(username="x-access-token", password="token-1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "none of the keys"),
        ({"token": b"very-secret"}, "none of the keys"),
        ({"username": b"ada"}, "no password"),
        ({"password": b"very-secret", "bearerToken": b"very-secret"}, "both"),
        ({"password": b"very\nsecret-4711"}, "line breaks"),
        ({"bearerToken": b"very\r\nX-Header: secret-4711"}, "line breaks"),
        ({"password": b"\xff\xfe"}, "not text"),
        ({"tls.crt": b"PEM"}, "tls.key"),
        ({"tls.key": b"very-secret"}, "tls.crt"),
    ],
)
def test_a_wrong_secret_is_reported_by_its_keys_and_not_by_its_values(data: dict[str, bytes], words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        Credentials.from_secret(data)
    assert caught.value.reason == "InvalidSpec"
    assert "secret-4711" not in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_nothing_is_printed_by_accident() -> None:
    credentials = Credentials(username="ada", password="very-secret", key="KEY-VALUE", cert="CERT-VALUE", identity=KEY)

    for text in (repr(credentials), str(credentials), f"{credentials}"):
        assert "very-secret" not in text
        assert "VALUE" not in text
        assert "b3Blb" not in text
    assert repr(credentials) == "Credentials(username, password, identity, cert, key)"


def test_secrets_are_known_in_every_spelling_programs_print() -> None:
    secrets = Credentials(username="ada", password="p/w d%", identity=KEY).secrets()

    assert {"p/w d%", "p%2Fw%20d%25", base64.b64encode(b"ada:p/w d%").decode()} <= set(secrets)
    assert "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ" in secrets
    assert "ada" not in secrets
    assert not any("BEGIN" in secret for secret in secrets)


def test_a_user_name_that_is_a_token_is_a_secret() -> None:
    assert "token-4711" in Credentials(username="token-4711", password="x-oauth-basic").secrets()
