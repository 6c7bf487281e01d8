"""GitHub: statuses of commits, and deployments.

The token goes to one API only: the public one, or the one that the Notifier's address names. Whose repository an Application
reads is decided by the authors of Applications, so a repository on another host than that API's is not served, and its host
never sees the token.
"""

from __future__ import annotations

from urllib.parse import quote

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import CommitState, CommitStatus, cut, host_and_path, not_served, segments, token_of
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.provider import Credentials, judge_status, retry_after

_API = "https://api.github.com"
_VERSION = "2022-11-28"
_DESCRIPTION = 140
_LIMITED_SECONDS = 60.0
_STATES = {
    CommitState.PENDING: "pending",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failure",
    CommitState.SUPERSEDED: "error",
}
_DEPLOYMENT_STATES = {
    CommitState.PENDING: "in_progress",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failure",
    CommitState.SUPERSEDED: "inactive",
}


def serves(repository: str, spec: NotifierSpec) -> bool:
    """Repositories on the host of this API."""
    return repository_of(repository, spec) is not None


def status(status: CommitStatus, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A commit status; GitHub has none that is neither good nor bad."""
    content: Object = {
        "state": _STATES[status.state],
        "context": status.name,
        "description": cut(status.description, _DESCRIPTION),
    }
    if status.link:
        content["target_url"] = status.link
    return _post(status, f"statuses/{status.commit}", content, credentials, spec)


def create_deployment(deployment: Deployment, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A deployment of exactly this commit, whatever its checks say."""
    content: Object = {
        "ref": deployment.status.commit,
        "environment": deployment.environment,
        "description": cut(f"{deployment.ref} to {deployment.environment}", _DESCRIPTION),
        "auto_merge": False,
        "required_contexts": [],
    }
    return _post(deployment.status, "deployments", content, credentials, spec)


def deployment_id(answer: Answer) -> str:
    """The number in the answer; 202 means that GitHub merged instead."""
    judge(answer)
    try:
        return str(int(orjson.loads(answer.body)["id"]))
    except (ValueError, KeyError, TypeError):
        raise DeliveryError("GitHub made no deployment", transient=False, status=answer.status) from None


def deployment_status(deployment: Deployment, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A status of a deployment; a success ends those before it."""
    content: Object = {
        "state": _DEPLOYMENT_STATES[deployment.status.state],
        "environment": deployment.environment,
        "description": cut(deployment.status.description, _DESCRIPTION),
    }
    if deployment.status.link:
        content["log_url"] = deployment.status.link
    return _post(deployment.status, f"deployments/{deployment.id}/statuses", content, credentials, spec)


def repository_of(repository: str, spec: NotifierSpec) -> str | None:
    """`owner/name`: the Notifier's own, else that of the URL.

    The URL's only when the API serves its host.
    """
    served = {"github.com", "ssh.github.com"} if spec.address is None else _hosts(spec.address)
    parts = segments(repository, spec, served)
    return "/".join(parts) if parts else None


def judge(answer: Answer) -> None:
    """As HTTP says; GitHub's rate limit is a 403 that passes."""
    if answer.status == 403 and ("retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"):  # noqa: PLR2004 - HTTP
        pause = retry_after(answer)
        raise DeliveryError(
            "GitHub's rate limit is used up", retry_after=_LIMITED_SECONDS if pause is None else pause, status=403
        )
    judge_status(answer)


def _post(status: CommitStatus, path: str, content: Object, credentials: Credentials, spec: NotifierSpec) -> Request:
    token, repository, api = token_of(credentials), repository_of(status.repository, spec), spec.address or _API
    if repository is None:
        raise not_served(status.repository, api)
    return Request(
        method="POST",
        url=f"{api.rstrip('/')}/repos/{quote(repository)}/{path}",
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": _VERSION,
        },
        body=orjson.dumps(content),
    )


def _hosts(address: str) -> frozenset[str]:
    """The hosts an API serves: its own, and github.com for api.github.com.

    Its own is an Enterprise Server's.
    """
    host = host_and_path(address)[0]
    return frozenset({host, host.removeprefix("api.")})
