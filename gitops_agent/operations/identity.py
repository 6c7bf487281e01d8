"""Who runs a command, for the record of what they ask for."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from gitops_agent.errors import AgentError

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient


def username(access: ClusterClient) -> str:
    """The user as the API server knows them, else the local login.

    Where the agent writes for a person, that person.
    """
    if access.actor is not None:
        return access.actor.user
    try:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = access.transport.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body)
        return str(answer["status"]["userInfo"]["username"])
    except (AgentError, KeyError, TypeError):
        return getpass.getuser()
