"""The state of a commit: what all forges have in common.

A forge shows a state beside the commit and on its pull request. Whose repository an Application reads is decided by the authors
of Applications, so a message is for a forge only when its API serves the repository's host: no other host sees the token.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, credential

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>[^/].*)")
_SEGMENT = re.compile(r"[A-Za-z0-9_.-]+")


class CommitState(StrEnum):
    """The state of a commit; forges spell it differently."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


STATES = {
    EventType.REVISION_SEEN: CommitState.PENDING,
    EventType.PROGRESSING: CommitState.PENDING,
    EventType.HELD: CommitState.PENDING,
    EventType.APPROVED: CommitState.PENDING,
    EventType.ROLLOUT_STARTED: CommitState.PENDING,
    EventType.ROLLOUT_PAUSED: CommitState.PENDING,
    EventType.ROLLOUT_STEP: CommitState.PENDING,
    EventType.SYNCED: CommitState.SUCCESS,
    EventType.RECOVERED: CommitState.SUCCESS,
    EventType.PROMOTED: CommitState.SUCCESS,
    EventType.SYNC_FAILED: CommitState.FAILURE,
    EventType.UNVERIFIED: CommitState.FAILURE,
    EventType.DEGRADED: CommitState.FAILURE,
    EventType.ROLLED_BACK: CommitState.FAILURE,
    EventType.ROLLOUT_ABORTED: CommitState.FAILURE,
    EventType.STALLED: CommitState.ERROR,
}
"""The events that say something about a commit."""


def about_commit(message: Message) -> bool:
    """Whether the message says something about a whole commit."""
    return message.event in STATES and _COMMIT.fullmatch(message.commit) is not None


def name(message: Message) -> str:
    """The name of the status: one for each application."""
    return f"gitops-agent/{message.application}"


def description(message: Message, text: str, limit: int) -> str:
    """The first line of the text, cut to what the forge takes."""
    first = next(iter(text.splitlines()), "") or message.title
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


def segments(message: Message, spec: NotifierSpec, hosts: Collection[str], *, most: int = 2) -> tuple[str, ...] | None:
    """The path of a repository, such as owner and name.

    Args:
        message: about a commit.
        spec: may name the repository itself.
        hosts: those the API serves.
        most: how many segments a repository may have; at least two.

    Returns:
        None when the API does not serve the repository.
    """
    if spec.repository:
        parts = spec.repository.split("/")
    else:
        host, path = host_and_path(message.repository)
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


def not_served(message: Message, api: str) -> AgentError:
    """The error for a repository that the API does not serve."""
    return AgentError(f"{message.repository} is not a repository of {api}", reason="DeliveryFailed", transient=False)
