"""GitHub commit statuses, named `gitops-agent/<namespace>/<application>`.

They appear where the change was made.

The token goes to one API only: the public one, or the one that the Notifier's address names. Whose repository an Application
reads is decided by the authors of Applications, so a repository on another host than that API's is not spoken of, and its
host never sees the token.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import (
    STATES,
    about_commit,
    description,
    host_and_path,
    name,
    not_served,
    segments,
    token_of,
)
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, judge_status, retry_after

_API = "https://api.github.com"
_VERSION = "2022-11-28"
_DESCRIPTION = 140


def speaks_of(message: Message, spec: NotifierSpec) -> bool:
    """Edges about a commit of a repository that this API serves."""
    return about_commit(message) and repository(message, spec) is not None


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A commit status."""
    del now
    token, repository_ = token_of(credentials), repository(message, spec)
    if repository_ is None:
        raise not_served(message, spec.address or _API)
    content: Object = {
        "state": STATES[message.event],
        "context": name(message),
        "description": description(message, text, _DESCRIPTION),
    }
    if message.link:
        content["target_url"] = message.link
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
    served = {"github.com", "ssh.github.com"} if spec.address is None else _hosts(spec.address)
    parts = segments(message, spec, served)
    return "/".join(parts) if parts else None


def judge(answer: Answer) -> None:
    """As HTTP says; GitHub's rate limit is a 403 that passes."""
    if answer.status == 403 and ("retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"):  # noqa: PLR2004 - HTTP
        raise DeliveryError("GitHub's rate limit is used up", retry_after=retry_after(answer) or 60.0, status=403)
    judge_status(answer)


def _hosts(address: str) -> frozenset[str]:
    """The hosts an API serves: its own, and github.com for api.github.com.

    Its own is an Enterprise Server's.
    """
    host = host_and_path(address)[0]
    return frozenset({host, host.removeprefix("api.")})
