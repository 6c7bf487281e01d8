"""GitLab: statuses of commits and deployments; gitlab.com or another server.

Secret key: `token` of a project, group or user, with the scope `api`.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import CommitState, CommitStatus, cut, host_and_path, not_served, segments, token_of
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.provider import Credentials, judge_status

_API = "https://gitlab.com"
_GROUPS = 20
"""How deep groups may nest, and the project."""
_DESCRIPTION = 255
_STATES = {
    CommitState.PENDING: "running",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failed",
    CommitState.SUPERSEDED: "canceled",
}


def serves(repository: str, spec: NotifierSpec) -> bool:
    """Projects on this server."""
    return _project(repository, spec) is not None


def status(status: CommitStatus, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A commit status."""
    content: Object = {
        "state": _STATES[status.state],
        "name": status.name,
        "description": cut(status.description, _DESCRIPTION),
    }
    if status.link:
        content["target_url"] = status.link
    return _post(status, f"statuses/{status.commit}", content, credentials, spec)


def create_deployment(deployment: Deployment, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A deployment that runs."""
    content: Object = {
        "environment": deployment.environment,
        "sha": deployment.status.commit,
        "ref": deployment.ref,
        "tag": False,
        "status": _STATES[CommitState.PENDING],
    }
    return _post(deployment.status, "deployments", content, credentials, spec)


def deployment_id(answer: Answer) -> str:
    """The number in the answer."""
    judge(answer)
    try:
        return str(int(orjson.loads(answer.body)["id"]))
    except (ValueError, KeyError, TypeError):
        raise DeliveryError("GitLab made no deployment", transient=False, status=answer.status) from None


def deployment_status(deployment: Deployment, credentials: Credentials, spec: NotifierSpec) -> Request:
    """The state of a deployment."""
    content: Object = {"status": _STATES[deployment.status.state]}
    return replace(_post(deployment.status, f"deployments/{deployment.id}", content, credentials, spec), method="PUT")


def judge(answer: Answer) -> None:
    """As HTTP says; an unchanged status is a success."""
    if answer.status == 400 and b"Cannot transition status" in answer.body:  # noqa: PLR2004 - HTTP
        return
    judge_status(answer)


def _post(status: CommitStatus, path: str, content: Object, credentials: Credentials, spec: NotifierSpec) -> Request:
    token, project, api = token_of(credentials), _project(status.repository, spec), spec.address or _API
    if project is None:
        raise not_served(status.repository, api)
    return Request(
        method="POST",
        url=f"{api.rstrip('/')}/api/v4/projects/{quote('/'.join(project), safe='')}/{path}",
        headers={"Content-Type": "application/json", "PRIVATE-TOKEN": token},
        body=orjson.dumps(content),
    )


def _project(repository: str, spec: NotifierSpec) -> tuple[str, ...] | None:
    """The groups and the name of the project."""
    host = host_and_path(spec.address or _API)[0]
    return segments(repository, spec, {host, "altssh.gitlab.com"} if spec.address is None else {host}, most=_GROUPS)
