"""Names ServiceAccounts that do not exist in refusals.

The API server lets an account that does not exist be impersonated: it has no permissions, and the refusal names a user and a
verb, never the mistake.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Forbidden, NotFound
from gitops_agent.manifest.kinds import SERVICE_ACCOUNT

_PREFIX = "system:serviceaccount:"


def name_missing(objects: Objects, errors: Iterable[AgentError], as_user: str | None) -> None:
    """Rewrites refusals of an account that does not exist.

    Args:
        objects: reads it, with the agent's own permissions.
        errors: of one execution; their messages change.
        as_user: who was refused.
    """
    refused = [error for error in errors if isinstance(error, Forbidden) and error.reason == Forbidden.reason]
    if not refused or as_user is None or not as_user.startswith(_PREFIX):
        return
    namespace, _, name = as_user.removeprefix(_PREFIX).partition(":")
    try:
        objects.get(SERVICE_ACCOUNT.named(namespace, name), metadata_only=True)
    except NotFound:
        for error in refused:
            error.message = (
                f"ServiceAccount {namespace}/{name}, which spec.serviceAccountName names, does not exist: "
                "create it and bind the roles it needs"
            )
    except AgentError:
        return
