"""Commit statuses of Gitea and Forgejo, at the Notifier's address.

Secret key: `token` with write access to repositories.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request
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
from gitops_agent.notify.provider import Credentials, address_of, judge_status

_DESCRIPTION = 255

judge = judge_status


def speaks_of(message: Message, spec: NotifierSpec) -> bool:
    """Events about a commit of a repository on this server."""
    return about_commit(message) and _repository(message, spec) is not None


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A commit status."""
    del now
    token, repository, api = token_of(credentials), _repository(message, spec), address_of(credentials, spec)
    if repository is None:
        raise not_served(message, api)
    content: Object = {
        "state": STATES[message.event].value,
        "context": name(message),
        "description": description(message, text, _DESCRIPTION),
    }
    if message.link:
        content["target_url"] = message.link
    return Request(
        method="POST",
        url=f"{api.rstrip('/')}/api/v1/repos/{'/'.join(repository)}/statuses/{message.commit}",
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        body=orjson.dumps(content),
    )


def _repository(message: Message, spec: NotifierSpec) -> tuple[str, ...] | None:
    """Owner and name."""
    return segments(message, spec, {host_and_path(spec.address or "")[0]} - {""})
