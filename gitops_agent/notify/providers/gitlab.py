"""GitLab commit statuses, on gitlab.com or at the Notifier's address.

Secret key: `token` of a project, group or user, with the scope `api`.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import (
    STATES,
    CommitState,
    about_commit,
    description,
    host_and_path,
    name,
    not_served,
    segments,
    token_of,
)
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, judge_status

_API = "https://gitlab.com"
_GROUPS = 20
"""How deep groups may nest, and the project."""
_DESCRIPTION = 255
_STATES = {
    CommitState.PENDING: "running",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failed",
    CommitState.ERROR: "failed",
}


def speaks_of(message: Message, spec: NotifierSpec) -> bool:
    """Events about a commit of a project on this server."""
    return about_commit(message) and _project(message, spec) is not None


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A commit status."""
    del now
    token, project, api = token_of(credentials), _project(message, spec), spec.address or _API
    if project is None:
        raise not_served(message, api)
    content: Object = {
        "state": _STATES[STATES[message.event]],
        "name": name(message),
        "description": description(message, text, _DESCRIPTION),
    }
    if message.link:
        content["target_url"] = message.link
    return Request(
        method="POST",
        url=f"{api.rstrip('/')}/api/v4/projects/{quote('/'.join(project), safe='')}/statuses/{message.commit}",
        headers={"Content-Type": "application/json", "PRIVATE-TOKEN": token},
        body=orjson.dumps(content),
    )


def judge(answer: Answer) -> None:
    """As HTTP says; an unchanged status is a success."""
    if answer.status == 400 and b"Cannot transition status" in answer.body:  # noqa: PLR2004 - HTTP
        return
    judge_status(answer)


def _project(message: Message, spec: NotifierSpec) -> tuple[str, ...] | None:
    """The groups and the name of the project."""
    host = host_and_path(spec.address or _API)[0]
    return segments(message, spec, {host, "altssh.gitlab.com"} if spec.address is None else {host}, most=_GROUPS)
