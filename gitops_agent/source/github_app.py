"""A GitHub App as the credentials of a repository.

An App owns a private key instead of a password. The key signs a request that is valid for minutes (RS256, GitHub's "Generating
a JSON Web Token for a GitHub App"), and GitHub answers it with a token for the installation. Here are the values and the
signature, without network.

A user chooses the repository and the address of the API, so both could lead elsewhere: an App is used for repositories of the
server whose API it names, and for no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.signed_claim import WEAKEST_BITS, KeyInvalid, KeyTooWeak, read_key, signed_claim
from gitops_agent.source.repository import Repository

PUBLIC_API = "https://api.github.com"
KEYS = (
    "githubAppID",
    "githubAppInstallationID",
    "githubAppInstallationOwner",
    "githubAppPrivateKey",
    "githubAppBaseURL",
)
"""The keys of a Secret, as Flux names them; an owner is read and not needed, because a repository names its own."""

_ID = re.compile(r"[A-Za-z0-9]{1,40}(?:\.[A-Za-z0-9]{1,40})?")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_BACKDATED_SECONDS = 60
_VALID_SECONDS = 540


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubApp:
    """The identity of an App.

    Attributes:
        id: the App's id or client id.
        installation: the number of the installation; looked up by the repository when empty.
        key: the private key, PEM.
        api: the address of the API, without a slash at its end.

    Raises:
        SourceError: reason `InvalidSpec`, naming the key of the Secret.
    """

    id: str
    installation: str = ""
    key: str = field(repr=False)
    api: str = PUBLIC_API

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise _invalid("githubAppID", "is neither the id nor the client id of an App")
        if self.installation and not _NUMBER.fullmatch(self.installation):
            raise _invalid("githubAppInstallationID", "is not a number")
        try:
            read_key(self.key)
        except KeyTooWeak:
            raise _invalid("githubAppPrivateKey", f"is not an RSA key of {WEAKEST_BITS} bits or more") from None
        except KeyInvalid:
            raise _invalid("githubAppPrivateKey", "is not an unencrypted private key in PEM") from None
        parts = urlsplit(self.api)
        if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
            raise _invalid("githubAppBaseURL", "is not the address of an API, such as https://ghe.example.com/api/v3")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise _invalid("githubAppBaseURL", "is not https")

    @classmethod
    def from_secret(cls, data: Mapping[str, bytes]) -> GitHubApp | None:
        """Reads the keys of a Secret; None without those of an App.

        Raises:
            SourceError: reason `InvalidSpec`: a key is missing, unknown or malformed.
        """
        names = sorted(name for name in data if name.startswith("githubApp"))
        if not names:
            return None
        for name in names:
            if name not in KEYS:
                raise _invalid(name, f"is none of {', '.join(KEYS)}")
        values = {name: data[name].decode("utf-8", "replace").strip() for name in names}
        for name in ("githubAppID", "githubAppPrivateKey"):
            if not values.get(name):
                raise _invalid(name, "is missing")
        return cls(
            id=values["githubAppID"],
            installation=values.get("githubAppInstallationID", ""),
            key=values["githubAppPrivateKey"],
            api=(values.get("githubAppBaseURL") or PUBLIC_API).rstrip("/"),
        )

    def check(self, repository: Repository) -> tuple[str, str]:
        """The repository's owner and name, if its server is the App's.

        Raises:
            SourceError: reason `InvalidSpec`: another server, no https, or no `owner/name`.
        """
        if repository.transport != "https":
            raise SourceError(f"{repository}: a GitHub App reads repositories by https: use an https URL", reason="InvalidSpec")
        host, api = repository.host.lower(), (urlsplit(self.api).hostname or "").lower()
        if api not in {host, f"api.{host}"}:
            raise SourceError(
                f"{repository}: its Secret holds a GitHub App of {api}, whose tokens are not sent to {host} "
                "(githubAppBaseURL names the API of another server)",
                reason="SecretHostRefused",
                host=host,
                api=api,
            )
        parts = urlsplit(repository.url).path.strip("/").removesuffix(".git").split("/")
        if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):  # noqa: PLR2004 - owner, name
            raise SourceError(f"{repository} is not the URL of a GitHub repository: host/owner/name", reason="InvalidSpec")
        return parts[0], parts[1]

    def assertion(self, now: float) -> str:
        """A signed claim to be this App, for nine minutes.

        Args:
            now: seconds since 1970 by the API's clock; the claim is dated a minute back.
        """
        issued = int(now) - _BACKDATED_SECONDS
        claims = {"iss": self.id, "iat": issued, "exp": issued + _BACKDATED_SECONDS + _VALID_SECONDS}
        return signed_claim(claims, self.key)


def _invalid(key: str, text: str) -> SourceError:
    return SourceError(f"the secret cannot be used: its key {key} {text}", reason="InvalidSpec", field=key)
