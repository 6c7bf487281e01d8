"""Passes credentials to git by files of a short-lived private directory.

Not through argv or a URL, which any process of the machine can read; not through environment variables, which every child
inherits. Git gets the name of one configuration file (mode 0600). User name and password are found by `git credential-store`,
which gives them to the scheme, host and port they were written for only, so a redirect cannot carry them away.
A bearer token is a header, and git sends a header wherever the server redirects to: then, and with a client certificate,
redirects are refused. For ssh the file is a complete ssh configuration: no other one, no agent, no known host but those
given.

The directory is locked while it is used; what a killed process left behind is found unlocked and removed (`sweep`).
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.private_directory import private_directory
from gitops_agent.private_directory import sweep as sweep_directories
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.git import Setting
from gitops_agent.source.repository import Repository

_PREFIX = "gitops-agent-access-"
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_STALL_SECONDS = 60


@contextlib.contextmanager
def access(repository: Repository, credentials: Credentials | None) -> Iterator[Setting]:
    """The git settings for access to the repository, as a context manager.

    Raises:
        SourceError: reason `AuthenticationFailed`, when ssh has no known hosts or no key; `SourceFailed` without room.
    """
    credentials = credentials or Credentials()
    _check(repository, credentials)
    with contextlib.ExitStack() as stack:
        try:
            directory = stack.enter_context(private_directory(_PREFIX))
        except OSError as error:
            raise SourceError(f"no directory for credentials: {error.strerror}", transient=True) from error
        yield _prepare(directory, repository, credentials)


def sweep() -> None:
    """Removes what killed processes left behind."""
    sweep_directories(_PREFIX)


def _check(repository: Repository, credentials: Credentials) -> None:
    if repository.transport == "ssh" and not credentials.known_hosts.strip():
        raise SourceError(
            f"{repository}: ssh needs the server's host key in known_hosts of the repository's secret "
            "(compare the output of ssh-keyscan with what the server's operator publishes)",
            reason="AuthenticationFailed",
            failure="host-key",
        )
    if repository.transport == "ssh" and not credentials.identity.strip():
        raise SourceError(
            f"{repository}: ssh needs a private key as identity of the repository's secret",
            reason="AuthenticationFailed",
            failure="credentials",
        )
    if repository.transport == "https" and credentials.identity and not (credentials.password or credentials.bearer_token):
        raise SourceError(
            f"{repository}: its secret holds an ssh key, but the URL is https: use an ssh URL, or a password or token",
            reason="AuthenticationFailed",
            failure="credentials",
        )


def _prepare(directory: Path, repository: Repository, credentials: Credentials) -> Setting:
    environment = {
        "GIT_CONFIG_GLOBAL": str(directory / "config"),
        "GIT_ALLOW_PROTOCOL": repository.transport,
    }
    secrets, headers = list(credentials.secrets()), None
    if repository.transport == "ssh":
        environment |= _ssh(directory, credentials)
    elif repository.transport == "https":
        proxy = next((os.environ[name] for name in _PROXIES if os.environ.get(name)), "")
        secrets += [unquote(part) for part in (urlsplit(proxy).password, urlsplit(proxy).username) if part]
        environment |= {name: os.environ[name] for name in ("no_proxy", "NO_PROXY") if name in os.environ}
        _write(directory / "config", _https(directory, repository, credentials, proxy))
        headers = Path(_write(directory / "headers", ""))
        environment |= {"GIT_TRACE_CURL": str(headers), "GIT_TRACE_CURL_NO_DATA": "1", "GIT_TRACE_REDACT": "1"}
    else:
        # Allowing file repositories is a decision to trust them; git would require the same owner.
        _write(directory / "config", '[safe]\n\tdirectory = "*"\n')
    return Setting(environment=environment, secrets=tuple(secrets), headers=headers)


def _https(directory: Path, repository: Repository, credentials: Credentials, proxy: str) -> str:
    """The text of git's configuration for an https repository."""
    follow = "false" if credentials.bearer_token or credentials.cert else "initial"
    general = {
        "sslVerify": "true",
        "followRedirects": follow,
        "lowSpeedLimit": "1",
        "lowSpeedTime": str(_STALL_SECONDS),
        "proxy": proxy,
        "sslCAInfo": _write(directory / "ca.crt", credentials.ca) if credentials.ca else os.environ.get("SSL_CERT_FILE", ""),
        "sslCert": _write(directory / "tls.crt", credentials.cert) if credentials.cert else "",
        "sslKey": _write(directory / "tls.key", credentials.key) if credentials.key else "",
    }
    lines = ["[http]", *(f"\t{name} = {_quoted(value)}" for name, value in general.items() if value)]
    if credentials.bearer_token:
        lines += [
            f"[http {_quoted(repository.origin)}]",
            f"\textraHeader = {_quoted(f'Authorization: Bearer {credentials.bearer_token}')}",
        ]
    if credentials.password:
        user, password = quote(credentials.username or "git", safe=""), quote(credentials.password, safe="")
        scheme, _, host = repository.origin.partition("://")
        store = _write(directory / "store", f"{scheme}://{user}:{password}@{host}\n")
        lines += ["[credential]", f"\thelper = {_quoted(f'store --file={shlex.quote(store)}')}"]
    return "\n".join(lines) + "\n"


def _ssh(directory: Path, credentials: Credentials) -> dict[str, str]:
    """Writes a complete ssh configuration; returns variables that enforce it."""
    options = {
        "User": "git",  # the user of the URL goes first
        "IdentityFile": _write(directory / "identity", credentials.identity.replace("\r\n", "\n").rstrip("\n") + "\n"),
        "UserKnownHostsFile": _write(directory / "known_hosts", credentials.known_hosts.rstrip("\n") + "\n"),
        "GlobalKnownHostsFile": "/dev/null",
        "BatchMode": "no" if credentials.password else "yes",
    } | _SSH
    words = ((name, f'"{value}"' if value.startswith("/") else value) for name, value in options.items())
    config = "Host *\n" + "".join(f"  {name} {value}\n" for name, value in words)
    environment = {
        "GIT_SSH_COMMAND": f"ssh -F {shlex.quote(_write(directory / 'ssh', config))}",
        "GIT_SSH_VARIANT": "ssh",
    }
    if credentials.password:
        passphrase = _write(directory / "passphrase", credentials.password + "\n")
        script = f"#!/bin/sh\nexec cat {shlex.quote(passphrase)}\n"
        environment |= {"SSH_ASKPASS": _write(directory / "askpass", script, mode=0o700), "SSH_ASKPASS_REQUIRE": "force"}
    _write(directory / "config", "")
    return environment


_SSH = {
    "CanonicalizeHostname": "no",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": "15",
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "KbdInteractiveAuthentication": "no",
    "LogLevel": "ERROR",
    "NumberOfPasswordPrompts": "1",
    "PasswordAuthentication": "no",
    "PermitLocalCommand": "no",
    "PreferredAuthentications": "publickey",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "10",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
}


def _write(path: Path, text: str, mode: int = 0o600) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    return str(path)


def _quoted(value: str) -> str:
    """A quoted value of git's configuration.

    Control characters were refused where the value came in.
    """
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
