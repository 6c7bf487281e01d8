"""GitHub commit statuses, named `gitops-agent/<namespace>/<application>`.

They appear where the change was made.

The token goes to one API only: the public one, or the one that the Notifier's address names. Whose repository an Application
reads is decided by the authors of Applications, so a repository on another host than that API's is not spoken of, and its
host never sees the token.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote, urlsplit

import orjson

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, credential, judge_status

_API = "https://api.github.com"
_VERSION = "2022-11-28"
_DESCRIPTION = 140
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>[^/].*)")
_STATES = {
    EventType.REVISION_SEEN: "pending",
    EventType.PROGRESSING: "pending",
    EventType.HELD: "pending",
    EventType.APPROVED: "pending",
    EventType.ROLLOUT_STARTED: "pending",
    EventType.ROLLOUT_PAUSED: "pending",
    EventType.ROLLOUT_STEP: "pending",
    EventType.SYNCED: "success",
    EventType.RECOVERED: "success",
    EventType.PROMOTED: "success",
    EventType.SYNC_FAILED: "failure",
    EventType.UNVERIFIED: "failure",
    EventType.DEGRADED: "failure",
    EventType.ROLLED_BACK: "failure",
    EventType.ROLLOUT_ABORTED: "failure",
    EventType.STALLED: "error",
}


def speaks_of(message: Message, spec: NotifierSpec) -> bool:
    """Edges about a commit of a repository that this API serves."""
    return message.event in _STATES and _COMMIT.fullmatch(message.commit) is not None and repository(message, spec) is not None


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A commit status."""
    del now
    token, repository_ = credential(credentials, "token"), repository(message, spec)
    if not token:
        raise AgentError("the Secret has no key token", reason="SecretInvalid")
    if repository_ is None:
        raise AgentError(
            f"{message.repository} is not a repository of {spec.address or _API}", reason="DeliveryFailed", transient=False
        )
    first = next(iter(text.splitlines()), "") or message.title
    content = {
        "state": _STATES[message.event],
        "context": f"gitops-agent/{message.application}",
        "description": first if len(first) <= _DESCRIPTION else first[: _DESCRIPTION - 1] + "…",
    }
    return Request(
        method="POST",
        url=f"{(spec.address or _API).rstrip('/')}/repos/{quote(repository_)}/statuses/{message.commit}",
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": _VERSION,
        },
        body=orjson.dumps(content),
    )


def repository(message: Message, spec: NotifierSpec) -> str | None:
    """`owner/name`: the Notifier's own, else that of the application.

    The application's only when the API serves its host.
    """
    if spec.repository:
        return spec.repository
    host, path = _parts(message.repository)
    parts = path.strip("/").removesuffix(".git").split("/")
    if len(parts) != 2 or not all(re.fullmatch(r"[A-Za-z0-9_.-]+", part) for part in parts):  # noqa: PLR2004 - owner and name
        return None
    served = {"github.com", "ssh.github.com"} if spec.address is None else _hosts(spec.address)
    return "/".join(parts) if host in served else None


def judge(answer: Answer) -> None:
    """As HTTP says; GitHub's rate limit is a 403 that passes."""
    if answer.status == 403 and ("retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"):  # noqa: PLR2004 - HTTP
        seconds = answer.headers.get("retry-after", "60")
        raise DeliveryError(
            "GitHub's rate limit is used up", retry_after=float(seconds) if seconds.isdigit() else 60.0, status=403
        )
    judge_status(answer)


def _parts(url: str) -> tuple[str, str]:
    """Host and path of an https, ssh or scp-like address."""
    if "://" not in url and (match := _SCP.fullmatch(url)):
        return match["host"].lower(), match["path"]
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.path
    except ValueError:
        return "", ""


def _hosts(address: str) -> frozenset[str]:
    """The hosts an API serves: its own, and github.com for api.github.com.

    Its own is an Enterprise Server's.
    """
    host = _parts(address)[0]
    return frozenset({host, host.removeprefix("api.")})
