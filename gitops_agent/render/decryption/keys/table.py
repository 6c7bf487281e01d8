"""All kinds of data keys, local ones first."""

from __future__ import annotations

from gitops_agent.render.decryption.keys.age import Age
from gitops_agent.render.decryption.keys.aws_kms import AwsKms
from gitops_agent.render.decryption.keys.azure_kv import AzureKeyVault
from gitops_agent.render.decryption.keys.gcp_kms import GcpKms
from gitops_agent.render.decryption.keys.kind import KeyKind
from gitops_agent.render.decryption.keys.pgp import Pgp
from gitops_agent.render.decryption.keys.vault import Vault

KEY_KINDS: tuple[KeyKind, ...] = (Age(), Pgp(), AwsKms(), GcpKms(), AzureKeyVault(), Vault())
