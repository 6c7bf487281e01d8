"""Build statuses of Bitbucket Cloud and Data Center.

Data Center is at the Notifier's address. Secret keys: `token` (an access token), or `username` and `password`. A status needs a
link: the dashboard's, else the commit's page. Data Center takes at most 40 characters of a key, so it is a digest of the name.
"""

from __future__ import annotations

import hashlib

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request, basic
from gitops_agent.notify.commit_status import CommitState, CommitStatus, cut, host_and_path, not_served, segments, token_of
from gitops_agent.notify.provider import Credentials, credential, judge_status

_CLOUD = "https://api.bitbucket.org"
_CLOUD_HOSTS = frozenset({"bitbucket.org", "altssh.bitbucket.org"})
_DESCRIPTION = 255
_STATES = {
    CommitState.PENDING: "INPROGRESS",
    CommitState.SUCCESS: "SUCCESSFUL",
    CommitState.FAILURE: "FAILED",
}
_SUPERSEDED = {True: "STOPPED", False: "UNKNOWN"}
"""In the cloud, and in a Data Center of any version."""

judge = judge_status


def serves(repository: str, spec: NotifierSpec) -> bool:
    """Repositories on this server."""
    return _repository(repository, spec) is not None


def status(status: CommitStatus, credentials: Credentials, spec: NotifierSpec) -> Request:
    """A build status."""
    repository, api = _repository(status.repository, spec), (spec.address or _CLOUD).rstrip("/")
    if repository is None:
        raise not_served(status.repository, api)
    owner, slug = repository
    if spec.address is None:
        url = f"{api}/2.0/repositories/{owner}/{slug}/commit/{status.commit}/statuses/build"
        page = f"https://bitbucket.org/{owner}/{slug}/commits/{status.commit}"
    else:
        url = f"{api}/rest/api/latest/projects/{owner}/repos/{slug}/commits/{status.commit}/builds"
        page = f"{api}/projects/{owner}/repos/{slug}/commits/{status.commit}"
    content = {
        "key": hashlib.sha256(status.name.encode()).hexdigest()[:40],
        "state": _STATES.get(status.state) or _SUPERSEDED[spec.address is None],
        "name": status.name,
        "description": cut(status.description, _DESCRIPTION),
        "url": status.link or page,
    }
    return Request(
        method="POST",
        url=url,
        headers={"Authorization": _authorization(credentials), "Content-Type": "application/json"},
        body=orjson.dumps(content),
    )


def _authorization(credentials: Credentials) -> str:
    if user := credential(credentials, "username"):
        return basic(user, credential(credentials, "password"))
    return f"Bearer {token_of(credentials)}"


def _repository(repository: str, spec: NotifierSpec) -> tuple[str, ...] | None:
    """Workspace or project, and the slug; Data Center's addresses begin with `scm`."""
    if spec.address is None:
        return segments(repository, spec, _CLOUD_HOSTS)
    parts = segments(repository, spec, {host_and_path(spec.address)[0]}, most=3)
    if parts is not None and len(parts) == 3:  # noqa: PLR2004 - scm, project and slug
        return parts[1:] if parts[0] == "scm" else None
    return parts
