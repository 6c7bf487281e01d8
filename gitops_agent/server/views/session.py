"""Who the viewer is, and what they may do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gitops_agent.server.views.base import Time, View


class NamespaceRights(View):
    """What the viewer may do with the Applications of one namespace."""

    namespace: str
    """The namespace."""

    sees: bool = False
    """Whether all of its Applications are shown."""

    verbs: tuple[str, ...] = ()
    """Verbs that are allowed: sync, pause, resume, approve, promote, abort, retry, rollback, share."""

    incomplete: bool = False
    """Whether the API server could not list all rules, so that more may be allowed."""


class Me(View):
    """The viewer."""

    user: str
    """The name, as the API server knows it."""

    groups: tuple[str, ...] = ()
    """The groups."""

    mode: Literal["laptop", "token", "oidc", "proxy", "guest"]
    """How the viewer signed in."""

    rights: tuple[NamespaceRights, ...] = ()
    """By namespace."""

    expires: Time = ""
    """When the session ends; empty for no end that is known."""

    version: str = ""
    """Of the agent."""

    epoch: str = ""
    """Of the stream."""

    cluster: str = ""
    """The name of the cluster."""


class SignIn(View):
    """The body of a sign-in."""

    token: str = Field(min_length=1, max_length=7600)
    """A Kubernetes token, such as `kubectl create token NAME` prints; on a laptop the code of the address."""
