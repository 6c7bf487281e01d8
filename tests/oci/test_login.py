from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci.login import ANONYMOUS, Login, from_docker_config
from gitops_agent.oci.reference import Reference

CHARTS = Reference.parse("oci://ghcr.io/acme/charts/web")


def config(auths: Any, **more: Any) -> bytes:
    return json.dumps({"auths": auths, **more}).encode()


def entry(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_the_longest_key_that_fits_counts() -> None:
    auths = {
        "ghcr.io": entry("host:1"),
        "ghcr.io/acme": entry("team:2"),
        "ghcr.io/acme/charts/we": entry("other:3"),
        "https://quay.io": entry("quay:4"),
    }

    assert from_docker_config(config(auths), CHARTS).basic == "Basic " + base64.b64encode(b"team:2").decode()
    assert from_docker_config(config(auths), Reference.parse("oci://ghcr.io/x/y")).username == "host"
    assert from_docker_config(config(auths), Reference.parse("oci://quay.io/x/y")).username == "quay"


@pytest.mark.parametrize("key", ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"])
def test_docker_hub_has_several_names(key: str) -> None:
    assert from_docker_config(config({key: entry("u:p")}), Reference.parse("oci://docker.io/nginx")).password == "p"


def test_a_port_belongs_to_the_name() -> None:
    with pytest.raises(SourceError, match=r"no entry for ghcr\.io under auths \(there is ghcr\.io:8443\)"):
        from_docker_config(config({"ghcr.io:8443": entry("u:p")}), CHARTS)


def test_user_and_password_may_be_written_apart() -> None:
    login = from_docker_config(config({"ghcr.io": {"username": "u", "password": "p:q"}}), CHARTS)

    assert (login.username, login.password) == ("u", "p:q")
    assert from_docker_config(config({"ghcr.io": {"identitytoken": "t"}}), CHARTS).identity_token == "t"


@pytest.mark.parametrize("more", [{"credHelpers": {"ghcr.io": "ecr-login"}}, {"credsStore": "desktop"}])
def test_programs_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="never run"):
        from_docker_config(config({"quay.io": entry("u:p")}, **more), CHARTS)


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"[]",
        b"",
        b'{"auths": []}',
        b'{"auths": {"ghcr.io": {"auth": "%%%"}}}',
        b'{"auths": {"ghcr.io": {"password": 1}}}',
        b'{"auths": {"ghcr.io": {"auth": "dTpw", "auth": "dTpx"}}}',
    ],
)
def test_a_damaged_configuration_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        from_docker_config(data, CHARTS)

    assert caught.value.reason == "InvalidSpec"
    assert "dTp" not in str(caught.value)


def test_credentials_are_not_printed() -> None:
    login = Login(username="u", password="hidden", ca=b"PEM")

    assert repr(login) == "Login(username, password, ca, hosts)"
    assert ANONYMOUS.anonymous
    assert not login.anonymous


@pytest.mark.parametrize("fields", [{"password": "a\r\nX: y"}, {"username": "a:b", "password": "c"}, {"bearer_token": "ü"}])
def test_what_no_header_carries_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(SourceError):
        Login(**fields)  # type: ignore[arg-type]
