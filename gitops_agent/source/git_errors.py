"""Explains failures of git in words the repository's owner can act on.

Git reports failures in English, so this one table reads them (git runs with LC_ALL=C). Each rule names the
class of the failure (the fact `failure`), the reason users see, whether trying again can help, and what to do. What no rule
knows is reported with git's own last words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitops_agent.errors import ProcessError, SourceError
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.phrases import Phrases, ends
from gitops_agent.source.repository import Repository


@dataclass(frozen=True, slots=True)
class _Rule:
    failure: str
    reason: str
    transient: bool
    phrases: Phrases
    message: str


def _rule(
    failure: str, reason: str, pattern: str, message: str, *, gap: tuple[str, str] | None = None, transient: bool = True
) -> _Rule:
    return _Rule(failure, reason, transient, Phrases(pattern, *([gap] if gap else [])), message)


_RULES = (
    _rule(
        "disk-full",
        "SourceFailed",
        r"No space left on device|Disk quota exceeded|write error: File too large",
        "the disk that holds the cache is full: give the cache more room or empty it, it is refilled by itself",
    ),
    _rule(
        "too-large",
        "SourceFailed",
        r"died of signal 25\b",
        "it sends a pack of more than 2 GiB, which is not kept: use a repository without large files",
        transient=False,
    ),
    _rule(
        "host-key",
        "AuthenticationFailed",
        r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED|No .{1,40} host key is known",
        "the server's ssh host key is not the one in known_hosts: the connection may be intercepted, or the server was "
        "renewed; compare it with what its operator publishes before changing known_hosts",
        transient=False,
    ),
    _rule(
        "ssh",
        "SourceFailed",
        r"cannot run ssh|ssh: (?:command )?not found",
        "the ssh client is not installed where PATH leads",
        transient=False,
    ),
    _rule(
        "user",
        "SourceFailed",
        r"No user exists for uid",
        "ssh refuses to run because the agent's user id has no entry in /etc/passwd: run the agent as a user of its image",
        transient=False,
    ),
    _rule(
        "identity",
        "AuthenticationFailed",
        r"bad passphrase",
        "the private key in identity cannot be read: it is damaged, or its passphrase (password) is missing or wrong",
        gap=("Load key ", "error in libcrypto|invalid format|incorrect passphrase"),
        transient=False,
    ),
    _rule(
        "redirect",
        "SourceFailed",
        r"returned error: 30[1278]|unable to update url base from redirection",
        "the server redirects elsewhere, and credentials are not carried along: put the address it redirects to into repoURL",
        transient=False,
    ),
    _rule(
        "authentication",
        "AuthenticationFailed",
        r"returned error: 40[13]|Authentication failed|could not read (?:Username|Password)|Permission denied \(|"
        r"Access denied|HTTP Basic: |not authorized|Too many authentication failures|terminal prompts disabled|"
        r"invalid credentials",
        "",
        transient=False,
    ),
    _rule("rate-limited", "SourceUnavailable", r"returned error: 429", "the server asks for fewer requests (429)"),
    _rule(
        "dns",
        "SourceUnavailable",
        r"Could not resolve (?:host|hostname|proxy)|Name or service not known|Temporary failure in name resolution|"
        r"nodename nor servname",
        "the host's name cannot be resolved: check the spelling in repoURL and the cluster's DNS",
    ),
    _rule(
        "client-certificate",
        "AuthenticationFailed",
        r"certificate required|handshake fail(?:ure|ed)|fatal alert has been received|bad certificate|"
        r"unable to set (?:private key|client cert)|"
        r"could not load PEM client|problem with the local SSL certificate|unable to load client (?:cert|key)|"
        r"error (?:reading|loading) (?:X\.?509|key file)|"
        r"unknown ca\b|alert certificate",
        "the server refused the TLS connection: it wants a client certificate or does not accept this one; "
        "check tls.crt and tls.key of the repository's secret",
        transient=False,
    ),
    _rule(
        "tls",
        "SourceUnavailable",
        r"SSL certificate problem|certificate verif|certificate subject name|no alternative certificate|server certificate|"
        r"error setting certificate|SSL_connect|gnutls|\bTLS\b|\bSSL\b|issuer certificate|CAfile",
        "its TLS certificate is not trusted: put the authority that signed it into ca.crt of the repository's secret, "
        "and use the host name the certificate is for",
    ),
    _rule(
        "not-found",
        "SourceFailed",
        r"Repository not found|returned error: 404|does not appear to be a git repository|"
        r"project you were looking for could not be found|No such file or directory|not a git repository",
        "there is no such repository, or these credentials may not see it",
        gap=("repository '", "' not found"),
        transient=False,
    ),
    _rule(
        "unreachable",
        "SourceUnavailable",
        r"Failed to connect|Connection refused|Connection timed out|Operation timed out|No route to host|"
        r"Network is unreachable|Couldn't connect|"
        r"Could not connect|Operation too slow|Connection timeout|Received HTTP code 50\d from proxy",
        "the server cannot be reached",
    ),
    _rule(
        "unsafe",
        "SourceFailed",
        r"fsck error|unterminated (?:header|author)|not a valid object",
        "an object in its history fails Git's own safety check and nothing is read from such a repository: "
        "the commit that contains it has to be removed from the branches and tags that are followed",
        gap=("(?:error|fatal): ", r"object [0-9a-f]+: \w"),
        transient=False,
    ),
    _rule("server", "SourceUnavailable", r"returned error: 5\d\d", "the server fails"),
    _rule(
        "broken",
        "SourceUnavailable",
        r"early EOF|getpeername\(\) failed|RPC failed|hung up unexpectedly|unexpected disconnect|Connection reset|Broken pipe|"
        r"Connection closed|index-pack failed|transfer closed|expected flush|bad line length|protocol error|"
        r"invalid (?:index-pack|server response)|Empty reply|kex_exchange|bytes? of body are still expected|unexpected EOF",
        "the connection broke off",
        gap=("Connection to ", " closed"),
    ),
)

_NO_SUCH_PROGRAM = 127
_BREAK = re.compile(r"[\r\n]")
_FATAL = re.compile(r"(?:fatal|error|ssh|remote: (?:error|fatal)):", re.IGNORECASE)

CORRUPT = Phrases(
    r"not a git repository|"
    r"is corrupt|badly packed|has garbage|"
    r"bad (?:object|tree object|config)|loose object|cannot unpack|unable to parse|"
    r"missing (?:blob|tree|commit)|"
    r"inflate: data stream|cannot read existing object|"
    r"far too short to be a pack|pack has bad|unresolved deltas|"
    r"(?:unable|failed) to read (?:object|tree|[0-9a-f]{40})|"
    r"could not (?:read|parse) (?:object|commit|[0-9a-f]{40})|"
    r"unable to find [0-9a-f]{40}|did not send all necessary|revision walk setup failed|"
    r"reference broken|unable to resolve reference|invalid sha1 pointer",
    ("object file ", " is empty"),
    ("packfile ", " (?:cannot be accessed|is truncated|does not match|is too small)"),
    ("index file ", " (?:is too small|corrupt)"),
)
"""What git says about a repository on disk that is torn; a server may say some of it too, so the mirror is examined first."""


def explain(error: ProcessError, repository: Repository, credentials: Credentials | None) -> SourceError:
    """The error for a failed call to the repository's server."""
    if error.cause == "timeout":
        return SourceError(
            f"{repository}: the server does not answer: {error}", reason="SourceUnavailable", transient=True, failure="timeout"
        )
    if error.cause == "start" or error.returncode == _NO_SUCH_PROGRAM:
        return SourceError("git could not be started: it is not installed where PATH leads", transient=False, failure="git")
    if error.cause in {"output", "memory", "cancelled"}:
        return SourceError(f"{repository}: {error}", transient=error.cause == "cancelled", failure=error.cause)
    stderr = ends(error.stderr)
    for rule in _RULES:
        position = rule.phrases.find(stderr)
        if position is not None:
            message = rule.message or _authentication(repository, credentials)
            line = _line(stderr, position)
            return SourceError(
                f"{repository}: {message} ({line})", reason=rule.reason, transient=rule.transient, failure=rule.failure
            )
    return SourceError(f"{repository}: {last_words(stderr)}", reason="SourceFailed", transient=True, failure="other")


def last_words(stderr: str, limit: int = 300) -> str:
    """The most informative line of git's errors.

    The first fatal one, else the last.
    """
    lines = [line.strip() for line in _BREAK.split(ends(stderr)) if line.strip()]
    fatal = [line for line in lines if _FATAL.match(line)]
    chosen = fatal[0] if fatal else (lines[-1] if lines else "git said nothing")
    return _plain(chosen)[:limit]


def _line(text: str, position: int, limit: int = 300) -> str:
    """The line a position is in."""
    before = _BREAK.split(text[:position])[-1]
    return _plain(before + _BREAK.split(text[position:], maxsplit=1)[0]).strip()[:limit]


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _authentication(repository: Repository, credentials: Credentials | None) -> str:
    if repository.transport == "ssh":
        return "the server does not accept the private key in identity for this user and repository"
    if credentials is None:
        return "the server wants credentials and the application names no secretRef"
    kind = "bearerToken" if credentials.bearer_token else "username and password" if credentials.password else "credentials"
    return f"the server does not accept the {kind}: wrong, expired, or without permission to read this repository"
