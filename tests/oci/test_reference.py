from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci.reference import Reference, check_tag, is_digest, is_tag


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("oci://ghcr.io/acme/charts", "https://ghcr.io/v2/acme/charts"),
        ("oci://GHCR.io/acme/charts/", "https://ghcr.io/v2/acme/charts"),
        ("oci://localhost:5000/a", "https://localhost:5000/v2/a"),
        ("oci://[::1]:5000/a__b/c-d.e", "https://[::1]:5000/v2/a__b/c-d.e"),
        ("oci://docker.io/nginx", "https://registry-1.docker.io/v2/library/nginx"),
        ("oci://docker.io/acme/web", "https://registry-1.docker.io/v2/acme/web"),
    ],
)
def test_a_repository_has_an_address(url: str, api: str) -> None:
    assert Reference.parse(url).api(secure=True) == api


@pytest.mark.parametrize(
    "url",
    [
        "https://ghcr.io/acme",
        "oci://",
        "oci://ghcr.io",
        "oci://ghcr.io/",
        "oci://user:pass@ghcr.io/acme",
        "oci://ghcr.io/Acme",
        "oci://ghcr.io/a//b",
        "oci://ghcr.io/../b",
        "oci://ghcr.io/a:tag",
        "oci://ghcr.io/a@sha256:00",
        "oci://ghcr.io/a?x=y",
        "oci://ghcr.io/a\r\nX: y",
        "oci://-x/a",
        "oci://ghcr.io:port/a",
        "oci://ghcr.io/" + "a" * 300,
    ],
)
def test_what_is_no_repository_is_refused(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        Reference.parse(url)

    assert caught.value.reason == "InvalidSpec"
    assert "pass" not in str(caught.value).replace("passwords", "")


def test_a_chart_lies_below_its_repository() -> None:
    assert str(Reference.parse("oci://ghcr.io/acme").below("web")) == "oci://ghcr.io/acme/web"
    with pytest.raises(SourceError):
        Reference.parse("oci://ghcr.io/acme").below("../other")


def test_only_loopback_is_this_machine() -> None:
    hosts = ["localhost", "127.0.0.1:5000", "[::1]", "10.0.0.1", "localhost.example.com"]

    assert [Reference.parse(f"oci://{host}/a").loopback for host in hosts] == [True, True, True, False, False]


def test_tags_and_digests_have_a_form() -> None:
    assert check_tag("v1.2.3_4") == "v1.2.3_4"
    assert not is_tag("-x")
    assert not is_tag("a/b")
    assert is_digest("sha256:" + "a" * 64)
    assert not is_digest("sha256:" + "A" * 64)
    assert not is_digest("md5:00")
    with pytest.raises(SourceError):
        check_tag("a/../b")
