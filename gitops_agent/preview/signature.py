"""What a preview says of the signature of the commit it shows."""

from __future__ import annotations

from gitops_agent.api.application import Application
from gitops_agent.api.source_options import SignerIdentity, VerifyMode
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.secrets import Secrets
from gitops_agent.errors import AgentError
from gitops_agent.source.repository import Repository
from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.merge_check import MergeCheck
from gitops_agent.source.signature.signers import Signers
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.signature.verifier import Verifier
from gitops_agent.source.sources import Sources

_BY_COMMIT = (VerifyMode.HEAD, VerifyMode.TAG_AND_HEAD, VerifyMode.ALL)


def warning(access: ClusterClient, application: Application, repository: Repository, sources: Sources, commit: str) -> str:
    """Why the agent would not follow a commit; empty when it would.

    The keys are read with the caller's own permissions. A preview goes on without them.

    Args:
        access: the cluster.
        application: which demands signatures, or not.
        repository: its repository.
        sources: where it was fetched to.
        commit: the commit that is shown.
    """
    verify = application.spec.source.verify
    if verify.mode not in _BY_COMMIT or verify.secret_ref is None:
        return ""
    cache = VerdictCache()
    try:
        name = verify.secret_ref.name
        signers = Signers.read(Secrets(access.transport).read(application.key.namespace, name).data, name=name)
        verifier = Verifier(signers, committer=verify.identity is SignerIdentity.COMMITTER)
        judge = Judge(sources.graph(repository), verifier, cache, scope="preview")
        flaw = MergeCheck(judge, verify.forge_merges, "", signers.scopes).flaw(commit)
    except AgentError as error:
        return f"the signature of {commit[:12]} could not be verified here: {error}"
    finally:
        cache.close()
    return f"{commit[:12]} {flaw}: the agent would not follow it" if flaw else ""
