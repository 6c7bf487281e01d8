"""Credentials of a repository, from the keys of a Secret.

The values come from a Kubernetes Secret at every poll, so a rotated secret counts from the next one on. They are checked here,
once: an error names the keys of a wrong combination and never a value, and nothing of it is printed by accident.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import quote

from gitops_agent.errors import SourceError
from gitops_agent.source.github_app import GitHubApp

_KEYS = {
    "username": "username",
    "password": "password",
    "bearerToken": "bearer_token",
    "identity": "identity",
    "known_hosts": "known_hosts",
    "ca.crt": "ca",
    "caFile": "ca",
    "tls.crt": "cert",
    "tls.key": "key",
}
_ONE_LINE = ("username", "password", "bearer_token")
_LONG_LINE = 16


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """The values as text, empty when absent; `repr` shows only names.

    Attributes:
        username: for basic authentication; `git` when only a password is given.
        password: for basic authentication, or the passphrase of `identity`.
        bearer_token: sent as `Authorization: Bearer …`.
        identity: a private ssh key.
        known_hosts: the ssh servers to believe, in the format of ssh's own file.
        ca: PEM, the authorities to believe instead of the machine's.
        cert: PEM, the client certificate.
        key: PEM, its private key.
        app: a GitHub App, whose key is exchanged for a password at every poll.
    """

    username: str = ""
    password: str = ""
    bearer_token: str = ""
    identity: str = ""
    known_hosts: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""
    app: GitHubApp | None = None

    def __post_init__(self) -> None:
        for name in _ONE_LINE:
            if not getattr(self, name).isprintable():
                raise unusable(f"{name} contains line breaks or control characters")
        if self.bearer_token and (self.username or self.password):
            raise unusable("it has both bearerToken and username/password: one of them has to go")
        if self.app is not None and (self.bearer_token or self.password or self.identity):
            raise unusable("it has both a GitHub App and bearerToken, password or identity: one of them has to go")
        if self.username and not self.password and not self.identity:
            raise unusable("it has a username but no password")
        if bool(self.cert) != bool(self.key):
            raise unusable("a client certificate needs both tls.crt and tls.key")

    @classmethod
    def from_secret(cls, data: Mapping[str, bytes]) -> Credentials:
        """Reads the keys of a Secret, and ignores unknown ones.

        `identity.pub` is one of those.

        Raises:
            SourceError: reason `InvalidSpec`.
        """
        app = GitHubApp.from_secret(data)
        values = texts_of(data, _KEYS, one_line=_ONE_LINE)
        if app is None and not any(values.values()):
            names = [*(key for key in _KEYS if key != "caFile"), "githubAppID"]
            raise unusable(f"it has none of the keys {', '.join(names)}")
        return cls(**values, app=app)

    def exchanged(self, token: str) -> Credentials:
        """These, with the App replaced by its token (user `x-access-token`)."""
        return replace(self, app=None, username="x-access-token", password=token)

    def secrets(self) -> tuple[str, ...]:
        """Every text to redact from outputs, in all spellings of programs."""
        app = self.app.key if self.app else ""
        texts = {self.password, self.bearer_token, *_spellings(self.identity), *_spellings(self.key), *_spellings(app)}
        if self.password and self.username:
            texts.add(base64.b64encode(f"{self.username}:{self.password}".encode()).decode())
        if self.password in {"", "x-oauth-basic"}:
            texts.add(self.username)
        texts |= {quote(text, safe="") for text in texts}
        return tuple(sorted(text for text in texts if text))

    def __repr__(self) -> str:
        return f"Credentials({', '.join(field.name for field in fields(self) if getattr(self, field.name))})"


def _spellings(pem: str) -> set[str]:
    """The long lines of a key, but not its header and footer."""
    return {line.strip() for line in pem.splitlines() if len(line.strip()) >= _LONG_LINE and "-----" not in line}


def texts_of(data: Mapping[str, bytes], keys: Mapping[str, str], *, one_line: Collection[str]) -> dict[str, str]:
    """The texts in a Secret by field, of the first key each.

    Args:
        data: the Secret's.
        keys: field names by key; other keys are ignored.
        one_line: fields whose white space at the ends is dropped.

    Raises:
        SourceError: reason `InvalidSpec`.
    """
    values: dict[str, str] = {}
    for key, name in keys.items():
        if key in data and name not in values:
            try:
                text = data[key].decode("utf-8")
            except UnicodeDecodeError:
                raise unusable(f"its key {key} is not text") from None
            values[name] = text.strip() if name in one_line else text
    return values


def unusable(message: str) -> SourceError:
    """The error of a Secret whose content is no credential."""
    return SourceError(f"the secret cannot be used: {message}", reason="InvalidSpec")
