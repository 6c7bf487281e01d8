"""Credentials of chart repositories, and where they may go."""

from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.credentials import ChartCredentials, may_receive

REPOSITORY = "https://charts.example.com/stable"


def test_a_password_is_sent_as_basic_authentication() -> None:
    credentials = ChartCredentials.from_secret({"username": b"li", "password": b"geheim\n"})

    assert credentials.authorization == "Basic bGk6Z2VoZWlt"
    assert "geheim" not in repr(credentials)


def test_a_token_is_sent_as_bearer() -> None:
    assert ChartCredentials.from_secret({"bearerToken": b"abc"}).authorization == "Bearer abc"


def test_flux_spellings_of_tls_are_read() -> None:
    read = ChartCredentials.from_secret({"caFile": b"CA", "certFile": b"CERT", "keyFile": b"KEY"})

    assert (read.ca, read.cert, read.key) == ("CA", "CERT", "KEY")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"other": b"x"},
        {"username": b"li"},
        {"password": b"x"},
        {"username": b"li", "password": b"a\nb"},
        {"username": b"li", "password": b"x", "bearerToken": b"y"},
        {"tls.crt": b"x"},
        {"password": b"\xff"},
    ],
)
def test_an_unusable_secret_is_refused_without_its_values(data: dict[str, bytes]) -> None:
    with pytest.raises(SourceError, match="the secret cannot be used"):
        ChartCredentials.from_secret(data)


@pytest.mark.parametrize(
    ("url", "hosts", "may"),
    [
        ("https://charts.example.com/a.tgz", (), True),
        ("https://charts.example.com:443/a.tgz", (), True),
        ("https://CHARTS.example.com./a.tgz", (), True),
        ("https://charts.example.com:8443/a.tgz", (), False),
        ("http://charts.example.com/a.tgz", (), False),
        ("http://charts.example.com:443/a.tgz", (), False),
        ("https://cdn.example.com/a.tgz", (), False),
        ("https://cdn.example.com/a.tgz", ("cdn.example.com",), True),
        ("https://cdn.example.com:8443/a.tgz", ("cdn.example.com",), False),
        ("https://cdn.example.com:8443/a.tgz", ("cdn.example.com:8443",), True),
        ("http://cdn.example.com/a.tgz", ("cdn.example.com", "cdn.example.com:80"), False),
        ("https://charts.example.com.evil.example/a.tgz", (), False),
    ],
)
def test_credentials_go_to_their_origin_and_the_hosts_that_are_listed(url: str, hosts: tuple[str, ...], *, may: bool) -> None:
    assert may_receive(url, REPOSITORY, hosts) is may
