"""Reads live objects for a command, with verified marks.

An installation without a key has never sealed a mark, so its marks are taken at their word. Where the user may not read the
Secret of the key, a comparison takes them at their word too and says so; nothing is deleted by such marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.mark_authority import MarkAuthority, secret_key
from gitops_agent.sync.live.live_object import LiveObject, observe


class MarkReader:
    """Verifier of the marks of one installation.

    Args:
        access: the cluster.

    Attributes:
        problem: why marks cannot be verified; empty where they can, or need not be.
    """

    def __init__(self, access: ClusterClient) -> None:
        self._authority, self.problem = _authority(access)

    def observed(self, objects: Iterable[Object], uid: str) -> list[LiveObject]:
        """The live objects; those with unverified marks have no owner.

        Args:
            objects: as the API server gives them.
            uid: of the Application whose objects they may be.
        """
        return [self._verified(observe(obj), uid) for obj in objects]

    def _verified(self, live: LiveObject, uid: str) -> LiveObject:
        if self._authority is None:
            return live
        live = live.verified(self._authority)
        return live if live.owner_uid == uid else replace(live, owner=None, claimed=live.named)


def _authority(access: ClusterClient) -> tuple[MarkAuthority | None, str]:
    """What verifies marks, or why nothing does; neither without a key."""
    try:
        key = secret_key(access.objects.get(SECRET.named(access.namespace, MARK_KEY)))
    except NotFound:
        return None, ""
    except AgentError as error:
        return None, str(error)
    return (MarkAuthority(key), "") if key else (None, "")
