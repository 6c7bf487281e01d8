"""Commits of the repository's history that touched an Application."""

from __future__ import annotations

import posixpath
import tempfile
from datetime import datetime
from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, Forbidden, UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.preview.comparison import kube_facts, render
from gitops_agent.preview.decryption_keys import decryption_keys
from gitops_agent.preview.fetched_sources import fetched_sources, tree_of, with_bases
from gitops_agent.preview.render_inputs import variables_of
from gitops_agent.revision.revision import Revision
from gitops_agent.server.answers.call import Call
from gitops_agent.source.history import History
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources

_PAGE = 50


def touching_commits(call: Call, live: Object) -> History:
    """A page of commits before the address' time, newest first.

    From the agent's mirror, or fetched as the viewer: which commits touched it is decided by what its render reads.

    Raises:
        AgentError: the repository cannot be read.
    """
    before = before_of(call.query["before"])
    kept = call.service.source.kept(live)
    if kept is not None:
        paths = kept.paths or {kept_path(live)}
        return kept.sources.touching(kept.repository, kept.tip, paths, most=_PAGE, before=before)
    refuse_files(call, live)
    application, access = parse(live), call.access(call.key.namespace)
    with tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch:
        folder = call.service.folder or Path(scratch)
        with fetched_sources(access, application, folder) as (sources, repository, tip):
            paths = call.service.inputs.get(
                (call.viewer.digest, call.key, tip.commit),
                lambda: _paths(access, application, sources, repository, tip),
            )
            return sources.touching(repository, tip, paths, most=_PAGE, before=before)


def before_of(text: str) -> datetime | None:
    """The time that a page ends before.

    Raises:
        UsageError: it is none.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(f"before={text[:40]}: say a time such as 2026-01-31T12:00:00Z")
    return at


def refuse_files(call: Call, live: Object) -> None:
    """Refuses repositories of the server's own machine, which are not the viewer's.

    Raises:
        Forbidden: the settings do not allow them.
    """
    address = str(((live.get("spec") or {}).get("source") or {}).get("repoURL") or "")
    if address.startswith("file:") and not call.service.files:
        raise Forbidden("file:// repositories are files of the agent's own machine: set source.allowFile", status=403)


def kept_path(live: Object) -> str:
    """The directory of an Application, where nothing is known of its render."""
    return posixpath.normpath(str(((live.get("spec") or {}).get("source") or {}).get("path") or "."))


def _paths(
    access: ClusterClient, application: Application, sources: Sources, repository: Repository, tip: Revision
) -> frozenset[str]:
    """What the render of the tip reads, or the directory."""
    path = application.spec.source.path
    try:
        variables, keys = variables_of(access, application), decryption_keys(access, application)
        with with_bases(access, application, tree_of(sources, repository, application, tip)) as tree:
            rendered = render(tree, application, path=path, facts=kube_facts(access), variables=variables, keys=keys)
    except AgentError:
        return frozenset({path})
    return frozenset(name for name, _ in rendered.closure.entries)
