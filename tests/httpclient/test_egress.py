from __future__ import annotations

import pytest

from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.httpclient.egress import EgressTarget, resolve, target
from gitops_agent.httpclient.message import DeliveryError


def led(url: str, *addresses: str) -> EgressTarget:
    return target(url, resolver=lambda _host, _port: addresses)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",  # noqa: S104 - the unspecified address is among the refused
        "::",
        "224.0.0.1",
        "ff02::1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_metadata_and_link_local_addresses_are_refused_under_any_name(scheme: str, address: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        led(f"{scheme}://innocent.example.org/", address)

    assert not caught.value.transient


def test_one_forbidden_address_among_many_is_enough() -> None:
    with pytest.raises(DeliveryError):
        led("https://innocent.example.org/", "192.0.2.7", "169.254.169.254")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "fd12::1"])
def test_plain_http_is_for_loopback_and_private_addresses(address: str) -> None:
    assert led("http://receiver/", address).addresses == (address,)


@pytest.mark.parametrize("address", ["8.8.8.8", "2600::1"])
def test_a_public_receiver_needs_https(address: str) -> None:
    assert led("https://receiver/", address).secure
    with pytest.raises(DeliveryError, match="must be https"):
        led("http://receiver/", address)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "http://", "https:///x", "https://x y/", "https://x/\n", "http://[::1", "https://x:99999/", "https://ü/"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        led(url, "127.0.0.1")

    assert not caught.value.transient


def test_credentials_belong_into_the_secret() -> None:
    with pytest.raises(DeliveryError, match="Secret") as caught:
        led("https://me:hunter22@x/", "192.0.2.7")

    assert "hunter22" not in caught.value.message


def test_an_unknown_name_may_resolve_later() -> None:
    def nobody(host: str, port: int) -> tuple[str, ...]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(DeliveryError) as caught:
        target("https://nobody.example.org/", resolver=nobody)

    assert caught.value.transient


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://x/", "x", "/"),
        ("https://x", "x", "/"),
        ("https://x:8443/a?b=c", "x:8443", "/a?b=c"),
        ("https://[2600::1]/", "[2600::1]", "/"),
        ("https://x:443/", "x", "/"),
    ],
)
def test_where_a_url_leads(url: str, authority: str, path: str) -> None:
    destination = led(url, "192.0.2.7")

    assert (destination.authority, destination.path) == (authority, path)


def test_the_system_resolves_numbers_as_they_are() -> None:
    assert resolve("127.0.0.1", 80) == ("127.0.0.1",)


@pytest.mark.parametrize("url", ["http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/"])
def test_other_spellings_of_an_address_are_resolved_before_they_are_judged(url: str) -> None:
    with pytest.raises(DeliveryError):
        target(url)


def test_a_host_that_one_list_lacks_is_not_even_resolved() -> None:
    asked: list[str] = []

    def resolving(host: str, _port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("10.0.0.1",)

    lists = (AllowedHosts(patterns=("*",)), AllowedHosts(patterns=("hooks.example.com",), subject="it", rule="the list"))
    with pytest.raises(HostRefused):
        target("https://evil.example/hooks.example.com", hosts=lists, resolver=resolving)
    with pytest.raises(DeliveryError, match="credentials"):
        target("https://hooks.example.com@evil.example/", hosts=lists, resolver=resolving)
    assert asked == []

    assert target("https://HOOKS.example.com./", hosts=lists, resolver=resolving).host == "hooks.example.com"
