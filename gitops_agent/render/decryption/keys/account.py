"""Tokens of a ServiceAccount, which clouds accept in place of credentials.

A pod has one identity for all Applications; a ServiceAccount that an Application names has its own. Its tokens are asked of the
API server for one audience each, so nothing is asked of an address that hands out the identity of a node or a pod.
"""

from __future__ import annotations

from gitops_agent.errors import AgentError
from gitops_agent.render.decryption.errors import KeyUnavailable
from gitops_agent.render.decryption.keys.kind import Account, KeyMaterial, Refused


def account_of(material: KeyMaterial, credentials: str, *, what: str) -> Account:
    """The ServiceAccount that stands in for missing credentials.

    Args:
        material: as the user gave it.
        credentials: the key of the Secret that is missing.
        what: what it would hold, for messages.

    Raises:
        Refused: none is named either.
    """
    if material.account is None:
        raise Refused(
            f"needs {what}: {material.source} has no key {credentials}, and spec.render.decryption names no serviceAccountName"
        )
    return material.account


def annotation_of(account: Account, name: str) -> str:
    """An annotation of the ServiceAccount; empty without it.

    Raises:
        Refused: the ServiceAccount cannot be read.
        KeyUnavailable: it may be read later.
    """
    try:
        return account.annotations().get(name, "")
    except AgentError as error:
        raise _problem(account, error) from None


def token_for(account: Account, audience: str) -> str:
    """A token of the ServiceAccount.

    Raises:
        Refused: the agent may not ask for one.
        KeyUnavailable: there may be one later.
    """
    try:
        return account.token(audience)
    except AgentError as error:
        raise _problem(account, error) from None


def _problem(account: Account, error: AgentError) -> Exception:
    if error.transient:
        return KeyUnavailable(f"{account}: {error.message}")
    return Refused(f"needs a token of {account}: {error.message}")
