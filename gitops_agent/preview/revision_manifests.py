"""What a revision of an Application declares, for comparisons of commits."""

from __future__ import annotations

from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.preview.comparison import kube_facts, render
from gitops_agent.preview.decryption_keys import decryption_keys
from gitops_agent.preview.desired_state import desired_state
from gitops_agent.preview.fetched_sources import fetched
from gitops_agent.preview.kept_repository import KeptRepository
from gitops_agent.preview.render_inputs import variables_of


def manifests_of(
    access: ClusterClient, application: Application, scratch: Path, *, revision: str, kept: KeptRepository | None = None
) -> tuple[Manifest, ...]:
    """The declared objects, each in its namespace.

    Args:
        access: the cluster, as the caller.
        application: whose.
        scratch: a directory for the mirror.
        revision: a branch, tag or commit; what the Application follows when empty.
        kept: the mirror that has the repository already.

    Raises:
        AgentError: the source or the render cannot be had.
    """
    variables, keys = variables_of(access, application), decryption_keys(access, application)
    with fetched(access, application, scratch, revision=revision, kept=kept) as (tree, resolved):
        rendered = render(
            tree, application, path=application.spec.source.path, facts=kube_facts(access), variables=variables, keys=keys
        )
    return tuple(desired_state(access, application, rendered, resolved).manifests)
