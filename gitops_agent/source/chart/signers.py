"""Those who have to sign charts: keys, in Secrets, and identities.

A Secret that is missing or damaged says nothing about other charts of the repository, so the problem takes the place of the
keys: the references that demand them fail with it, and no chart is followed without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitops_agent.errors import AgentError
from gitops_agent.oci.cosign.keyless import KeylessSigners
from gitops_agent.oci.cosign.keys import keys_of
from gitops_agent.oci.cosign.policy import CosignPolicy
from gitops_agent.source.chart.chart_ref import ChartRef, SignerDemand
from gitops_agent.source.chart.provenance_policy import ProvenancePolicy
from gitops_agent.source.ref import Ref


def policies(
    refs: Iterable[Ref], read: Callable[[str, str], Mapping[str, bytes]]
) -> dict[SignerDemand, CosignPolicy | ProvenancePolicy | AgentError]:
    """The keys that references demand, or why they are unknown.

    Args:
        refs: of a repository of charts.
        read: the content of a Secret, by namespace and name.
    """
    demands = {ref.signers for ref in refs if isinstance(ref, ChartRef) and ref.signers is not None}
    return {demand: _policy(demand, read) for demand in demands}


def _policy(
    demand: SignerDemand, read: Callable[[str, str], Mapping[str, bytes]]
) -> CosignPolicy | ProvenancePolicy | AgentError:
    namespace, _, name = demand.secret.partition("/")
    try:
        if demand.provenance:
            return ProvenancePolicy.read(read(namespace, name), name=name)
        if demand.identities:
            root = read(namespace, name) if demand.secret else None
            return CosignPolicy(keyless=KeylessSigners.read(demand.identities, root), minimum=demand.minimum)
        return CosignPolicy(keys=keys_of(read(namespace, name)), minimum=demand.minimum)
    except AgentError as error:
        return error
