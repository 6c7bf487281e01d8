"""Commit statuses of Gitea and Forgejo, at the Notifier's address.

Secret key: `token` with write access to repositories.
"""

from __future__ import annotations

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import CommitState, CommitStatus, cut, host_and_path, not_served, segments, token_of
from gitops_agent.notify.provider import Credentials, address_of, judge_status

_DESCRIPTION = 255
_STATES = {
    CommitState.PENDING: "pending",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failure",
    CommitState.SUPERSEDED: "error",
}

judge = judge_status


def serves(repository: str, spec: NotifierSpec) -> bool:
    """Repositories on this server."""
    return _repository(repository, spec) is not None


def status(status: CommitStatus, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A commit status."""
    token, repository, api = token_of(credentials), _repository(status.repository, spec), address_of(credentials, spec)
    if repository is None:
        raise not_served(status.repository, api)
    content: Object = {
        "state": _STATES[status.state],
        "context": status.name,
        "description": cut(status.description, _DESCRIPTION),
    }
    if status.link:
        content["target_url"] = status.link
    return Request(
        method="POST",
        url=f"{api.rstrip('/')}/api/v1/repos/{'/'.join(repository)}/statuses/{status.commit}",
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        body=orjson.dumps(content),
    )


def _repository(repository: str, spec: NotifierSpec) -> tuple[str, ...] | None:
    """Owner and name."""
    return segments(repository, spec, {host_and_path(spec.address or "")[0]} - {""})
