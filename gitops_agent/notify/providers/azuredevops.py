"""Commit statuses of Azure DevOps.

Secret key: `token`, a personal access token with the scope Code (status). Every POST adds a status, so one that is repeated
after a crash shows twice.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Answer, DeliveryError, Request, basic
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import CommitState, CommitStatus, cut, host_and_path, not_served, token_of
from gitops_agent.notify.provider import Credentials, judge_status

_API = "https://dev.azure.com"
_VERSION = "7.1"
_DESCRIPTION = 255
_STATES = {
    CommitState.PENDING: "pending",
    CommitState.SUCCESS: "succeeded",
    CommitState.FAILURE: "failed",
    CommitState.SUPERSEDED: "notApplicable",
}


def serves(repository: str, spec: NotifierSpec) -> bool:
    """Repositories of this service."""
    return _repository(repository, spec) is not None


def status(status: CommitStatus, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A status of a commit; its name begins with the genre."""
    token, repository, api = token_of(credentials), _repository(status.repository, spec), (spec.address or _API).rstrip("/")
    if repository is None:
        raise not_served(status.repository, api)
    organisation, project, slug = (quote(part, safe="") for part in repository)
    genre, slash, name = status.name.partition("/")
    content: Object = {
        "state": _STATES[status.state],
        "description": cut(status.description, _DESCRIPTION),
        "context": {"genre": genre, "name": name} if slash else {"name": status.name},
    }
    if status.link:
        content["targetUrl"] = status.link
    return Request(
        method="POST",
        url=f"{api}/{organisation}/{project}/_apis/git/repositories/{slug}/commits/{status.commit}/statuses?api-version={_VERSION}",
        headers={
            "Authorization": basic("", token),
            "Content-Type": "application/json",
        },
        body=orjson.dumps(content),
    )


def judge(answer: Answer) -> None:
    """As HTTP says; a sign-in page is a refused token."""
    if answer.status == 203:  # noqa: PLR2004 - HTTP
        raise DeliveryError("Azure DevOps refused the token", transient=False, status=203)
    judge_status(answer)


def _repository(repository: str, spec: NotifierSpec) -> tuple[str, str, str] | None:
    """Organisation, project and name of the repository."""
    if spec.repository:
        parts = spec.repository.split("/")
    else:
        host, path = host_and_path(repository)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if host == "ssh.dev.azure.com":
            parts = parts[1:] if parts[:1] == ["v3"] else []
        elif host == host_and_path(spec.address or _API)[0]:
            parts = [*parts[:2], *parts[3:]] if parts[2:3] == ["_git"] else []
        else:
            parts = []
    valid = len(parts) == 3 and all(part and part.isprintable() and set(part) != {"."} for part in parts)  # noqa: PLR2004
    return (parts[0], parts[1], parts[2]) if valid else None
