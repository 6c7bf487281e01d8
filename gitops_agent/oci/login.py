"""Credentials of a registry, as a Secret holds them.

A Secret of the type `kubernetes.io/dockerconfigjson` holds those of many registries. The entry with the longest key that fits
counts: of the repository's path first, then of the host. What names a program (`credHelpers`, `credsStore`) is refused: nothing
is run for a password.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.message import basic
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.oci.reference import Reference

DOCKER_CONFIG = ".dockerconfigjson"
_LIMITS = YamlLimits(bytes=1024 * 1024, documents=1, nodes=20_000)
_HUB = ("index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Login:
    """Credentials for one registry; `repr` shows only names.

    Attributes:
        username: for basic authentication and for the token service.
        password: likewise.
        identity_token: exchanged for access tokens in place of a password.
        bearer_token: sent to the registry as it is.
        ca: PEM, the authorities to believe instead of the machine's.
        hosts: where the owner of the credentials allows them to be sent.
        token_hosts: hosts, with their port unless it is that of https, where the registry's tokens may be made.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    bearer_token: str = ""
    ca: bytes = b""
    hosts: AllowedHosts = ANYWHERE
    token_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("username", "password", "identity_token", "bearer_token"):
            text = getattr(self, name)
            if not text.isprintable():
                raise _invalid(f"{name} contains line breaks or control characters")
            if name == "bearer_token" and not text.isascii():
                raise _invalid("bearer_token contains letters outside ASCII")
        if ":" in self.username:
            raise _invalid("username contains a colon")

    @property
    def basic(self) -> str:
        """The value of the header for basic authentication; empty without a password."""
        if not self.password:
            return ""
        return basic(self.username, self.password)

    @property
    def anonymous(self) -> bool:
        """Whether there is nothing to prove who asks."""
        return not (self.password or self.identity_token or self.bearer_token)

    def __repr__(self) -> str:
        return f"Login({', '.join(field.name for field in fields(self) if getattr(self, field.name))})"


ANONYMOUS = Login()


def from_docker_config(data: bytes, reference: Reference) -> Login:
    """The credentials of a Docker configuration for a repository.

    Args:
        data: the value of the key `.dockerconfigjson`.
        reference: what is read.

    Raises:
        SourceError: reason `InvalidSpec`: it is damaged, has no entry for the registry, or leaves it to a program.
    """
    try:
        documents = read_json(data, file=DOCKER_CONFIG, limits=_LIMITS).documents
    except RenderError as error:
        raise _invalid(f"its key {error.message}") from None
    config = documents[0].value if documents else None
    auths = config.get("auths") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(auths, dict | None):
        raise _invalid(f"its key {DOCKER_CONFIG} is no configuration of Docker")
    entry = _longest(auths or {}, reference)
    if entry is None:
        helpers = config.get("credHelpers")
        if config.get("credsStore") or (isinstance(helpers, dict) and any(_fits(key, reference) for key in helpers)):
            raise _invalid(
                f"its key {DOCKER_CONFIG} leaves the password of {reference.authority} to a program (credHelpers, credsStore), "
                "which is never run: put username and password under auths"
            )
        names = ", ".join(sorted(str(key)[:100] for key in auths or {})[:5]) or "none"
        raise _invalid(f"its key {DOCKER_CONFIG} has no entry for {reference.authority} under auths (there is {names})")
    return _login(entry)


def _login(entry: Mapping[str, Any]) -> Login:
    texts = {}
    for key in ("username", "password", "auth", "identitytoken", "registrytoken"):
        value = entry.get(key, "")
        if not isinstance(value, str):
            raise _invalid(f"{key} in its key {DOCKER_CONFIG} is no text")
        texts[key] = value
    username, password = texts["username"], texts["password"]
    if texts["auth"] and not password:
        try:
            username, _, password = base64.b64decode(texts["auth"], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise _invalid(f"auth in its key {DOCKER_CONFIG} is not user:password in base64") from None
    return Login(
        username=username,
        password=password.rstrip("\0"),
        identity_token=texts["identitytoken"],
        bearer_token=texts["registrytoken"],
    )


def _longest(auths: Mapping[str, Any], reference: Reference) -> Mapping[str, Any] | None:
    fitting = [key for key, entry in auths.items() if isinstance(entry, dict) and _fits(key, reference)]
    return auths[max(fitting, key=lambda key: len(_bare(key)))] if fitting else None


def _fits(key: str, reference: Reference) -> bool:
    """Whether a key is the registry, or a folder above the repository."""
    authority, _, path = _bare(key).partition("/")
    if authority in _HUB:
        authority = "docker.io"
    same = authority.lower() == reference.authority
    return same and (not path or f"{reference.repository}/".startswith(f"{path}/"))


def _bare(key: str) -> str:
    """A key without scheme, and without the paths of old APIs."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    return bare.removesuffix("/v1").removesuffix("/v2")


def _invalid(message: str) -> SourceError:
    return SourceError(f"the secret cannot be used: {message}", reason="InvalidSpec")
