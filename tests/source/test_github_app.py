from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gitops_agent.errors import SourceError
from gitops_agent.source.github_app import GitHubApp
from gitops_agent.source.repository import Repository
from tests.source.github_api import pem, private_key

KEY = pem(private_key())
ELLIPTIC = elliptic_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
APP = {"githubAppID": b"4711", "githubAppPrivateKey": KEY.encode()}


def test_a_secret_without_keys_of_an_app_is_no_app() -> None:
    assert GitHubApp.from_secret({"username": b"ada", "password": b"x"}) is None


def test_an_app_is_read_from_the_keys_that_flux_uses() -> None:
    data = APP | {"githubAppInstallationID": b"99\n", "githubAppBaseURL": b"https://ghe.example.com/api/v3/"}

    app = GitHubApp.from_secret(data)

    assert app == GitHubApp(id="4711", installation="99", key=KEY.strip(), api="https://ghe.example.com/api/v3")
    assert "BEGIN" not in repr(app)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"githubAppID": b""}, "githubAppID is missing"),
        ({"githubAppID": b"x y"}, "githubAppID is neither"),
        ({"githubAppPrivateKey": b""}, "githubAppPrivateKey is missing"),
        ({"githubAppPrivateKey": b"secret-4711"}, "githubAppPrivateKey is not an unencrypted private key"),
        ({"githubAppPrivateKey": ELLIPTIC}, "githubAppPrivateKey is not an RSA key"),
        ({"githubAppInstallationID": b"../9"}, "githubAppInstallationID is not a number"),
        ({"githubAppBaseURL": b"http://ghe.example.com"}, "githubAppBaseURL is not https"),
        ({"githubAppBaseURL": b"https://u:p@ghe.example.com"}, "githubAppBaseURL is not the address"),
        ({"githubAppPrivatekey": b"x"}, "githubAppPrivatekey is none of"),
    ],
)
def test_a_wrong_key_of_the_secret_is_named_and_its_value_is_not(change: dict[str, bytes], words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        GitHubApp.from_secret(APP | change)
    assert caught.value.reason == "InvalidSpec"
    assert "secret-4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("api", "url"),
    [
        ("https://api.github.com", "https://github.com/acme/config.git"),
        ("https://ghe.example.com/api/v3", "https://ghe.example.com/acme/config"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com/acme/config"),
    ],
)
def test_an_app_reads_repositories_of_its_own_server(api: str, url: str) -> None:
    assert GitHubApp(id="4711", key=KEY, api=api).check(Repository(url=url)) == ("acme", "config")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://git.evil.example/acme/config", "SecretHostRefused"),
        ("https://github.com.evil.example/acme/config", "SecretHostRefused"),
        ("https://gist.github.com/acme/config", "SecretHostRefused"),
        ("ssh://git@github.com/acme/config", "InvalidSpec"),
        ("https://github.com/config", "InvalidSpec"),
        ("https://github.com/acme/config/more", "InvalidSpec"),
        ("https://github.com/acme/co%2Fnfig", "InvalidSpec"),
    ],
)
def test_a_token_goes_to_no_other_server(url: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        GitHubApp(id="4711", key=KEY).check(Repository(url=url))
    assert caught.value.reason == reason
