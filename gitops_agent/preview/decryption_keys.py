"""Keys for renders by commands: of this machine or the cluster.

The Secret is read with the caller's own permissions, so a command shows no more than the cluster would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.cluster.account_tokens import AccountTokens
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.secrets import Secrets
from gitops_agent.errors import AgentError, RenderError
from gitops_agent.render.decryption.keys.kind import NO_KEYS, KeyMaterial
from gitops_agent.render.decryption.local_keys import local_keys

_FIELD = "spec.render.decryption.secretRef"


def decryption_keys(access: ClusterClient, application: Application, files: Iterable[Path] = ()) -> KeyMaterial:
    """The keys that decrypt an application's files.

    Args:
        access: reads the Secret.
        application: whose files.
        files: keys that the caller named.

    Raises:
        RenderError: the Secret cannot be read, and there is no key on this machine.
        UsageError: a file cannot be read.
    """
    decryption = application.spec.render.decryption if application.spec.render else None
    if decryption is None:
        return NO_KEYS
    mine, name = local_keys(files), decryption.service_account_name
    tokens = AccountTokens(transport=access.transport, namespace=application.key.namespace, name=name) if name else None
    if mine is not None or decryption.secret_ref is None:
        return replace(mine or NO_KEYS, endpoints=decryption.endpoints, account=tokens)
    secret = decryption.secret_ref.name
    try:
        content = Secrets(access.transport).read(application.key.namespace, secret)
    except AgentError as error:
        text = f"{_FIELD}: {error}; give a key of your own: --decryption-key, or SOPS_AGE_KEY_FILE"
        raise RenderError(text, reason=error.reason, field=_FIELD) from error
    return KeyMaterial(source=f"the Secret {secret}", data=content.data, endpoints=decryption.endpoints, account=tokens)
