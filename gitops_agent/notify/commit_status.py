"""The status of a commit: what all forges have in common.

A forge shows a status beside the commit and on its pull request. Whose repository an Application reads is decided by the
authors of Applications, so a status is for a forge only when its API serves the repository's host; no other one sees the token.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.notify.provider import Credentials, credential
from gitops_agent.observe.redaction import scrub

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>[^/].*)")
_SEGMENT = re.compile(r"[A-Za-z0-9_.-]+")


class CommitState(StrEnum):
    """The state of a commit; forges spell it differently."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """One status of one commit.

    Attributes:
        repository: the URL of the source, without credentials.
        commit: the full object name.
        name: of the status; a later one of the same name takes its place.
        state: of what the name stands for.
        description: one line.
        link: the page that explains it; empty where the dashboard has no address.
    """

    repository: str
    commit: str
    name: str
    state: CommitState
    description: str
    link: str = ""

    def __post_init__(self) -> None:
        """Redacts the text, which may be that of a program."""
        object.__setattr__(self, "description", scrub(self.description))


def is_commit(name: str) -> bool:
    """Whether it is the full object name of a commit."""
    return _COMMIT.fullmatch(name) is not None


def cut(text: str, limit: int) -> str:
    """The first line of a text, in at most `limit` characters."""
    first = next(iter(text.splitlines()), "")
    return first if len(first) <= limit else first[: limit - 1] + "…"


def host_and_path(url: str) -> tuple[str, str]:
    """Host and path of an https, ssh or scp-like address.

    Empty for everything else.
    """
    if "://" not in url and (match := _SCP.fullmatch(url)):
        return match["host"].lower(), match["path"]
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.path
    except ValueError:
        return "", ""


def segments(url: str, spec: NotifierSpec, hosts: Collection[str], *, most: int = 2) -> tuple[str, ...] | None:
    """The path of a repository, such as owner and name.

    Args:
        url: of the repository that is followed.
        spec: may name the repository itself.
        hosts: those the API serves.
        most: how many segments a repository may have; at least two.

    Returns:
        None when the API does not serve the repository.
    """
    if spec.repository:
        parts = spec.repository.split("/")
    else:
        host, path = host_and_path(url)
        if host not in hosts:
            return None
        parts = [unquote(part) for part in path.strip("/").removesuffix(".git").split("/")]
    valid = 2 <= len(parts) <= most and all(_SEGMENT.fullmatch(part) and set(part) != {"."} for part in parts)  # noqa: PLR2004
    return tuple(parts) if valid else None


def token_of(credentials: Credentials) -> str:
    """The token of the forge.

    Raises:
        AgentError: there is none (reason `SecretInvalid`).
    """
    if token := credential(credentials, "token"):
        return token
    raise AgentError("the Secret has no key token", reason="SecretInvalid")


def not_served(url: str, api: str) -> AgentError:
    """The error for a repository that the API does not serve."""
    return AgentError(f"{url} is not a repository of {api}", reason="DeliveryFailed", transient=False)
