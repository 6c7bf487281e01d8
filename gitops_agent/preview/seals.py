"""Reads the key of the marks with the caller's rights."""

from __future__ import annotations

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.mark_authority import MarkAuthority, secret_key


def authority(access: ClusterClient) -> tuple[MarkAuthority | None, str]:
    """What verifies marks, or why marks are not verified.

    Neither where no agent has made a key yet: marks are then taken at their word.
    """
    try:
        key = secret_key(access.objects.get(SECRET.named(access.namespace, MARK_KEY)))
    except NotFound:
        return None, ""
    except AgentError as error:
        return None, str(error)
    return (MarkAuthority(key), "") if key else (None, "")
