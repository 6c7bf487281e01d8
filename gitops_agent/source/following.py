"""What a spec follows: a repository and a reference, whatever their kind."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.api.source_options import ChartSpec, ChartVerify, SourceSpec
from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import joined
from gitops_agent.oci.cosign.identity import SignerIdentity
from gitops_agent.revision.revision import Revision
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource, SignerDemand
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository


def followed(namespace: str, source: SourceSpec) -> tuple[Repository, Ref]:
    """The repository and reference of a source.

    Args:
        namespace: of the Application, and of its Secret.
        source: of its spec.

    Raises:
        SourceError: reason `InvalidSpec`.
    """
    if source.chart is not None:
        return followed_chart(namespace, source.chart)
    if source.ref is None:
        raise SourceError("spec.source needs ref", reason="InvalidSpec")
    secret = f"{namespace}/{source.secret_ref.name}" if source.secret_ref else ""
    return Repository(url=source.url, secret=secret), Ref.of(source.ref)


def chart_beside(namespace: str, render: RenderOptions | None) -> tuple[ChartSource, ChartRef] | None:
    """The chart that a commit is rendered with; see `followed`."""
    helm = render.helm if render is not None else None
    return followed_chart(namespace, helm.chart) if helm is not None and helm.chart is not None else None


def with_chart(commit: Revision, chart: Revision) -> Revision:
    """A commit and the chart beside it, as one revision."""
    return replace(commit, commit=joined(commit.commit, chart.commit), chart=chart.chart)


def followed_chart(namespace: str, chart: ChartSpec) -> tuple[ChartSource, ChartRef]:
    """The repository and reference of a chart; see `followed`."""
    secret = f"{namespace}/{chart.secret_ref.name}" if chart.secret_ref else ""
    repository = ChartSource(url=chart.repository, secret=secret, hosts=tuple(sorted(chart.hosts)))
    signers = _demand(namespace, chart.verify) if chart.verify is not None else None
    return repository, ChartRef(name=chart.name, version=chart.version, digest=chart.digest or "", signers=signers)


def _demand(namespace: str, verify: ChartVerify) -> SignerDemand | None:
    """Who has to sign a chart."""
    cosign, provenance = verify.cosign, verify.provenance
    if provenance is not None:
        return SignerDemand(secret=f"{namespace}/{provenance.secret_ref.name}", provenance=True)
    if cosign is None:
        return None
    if cosign.keys is not None:
        return SignerDemand(secret=f"{namespace}/{cosign.keys.secret_ref.name}", minimum=cosign.minimum)
    root = f"{namespace}/{cosign.trusted_root.secret_ref.name}" if cosign.trusted_root is not None else ""
    identities = tuple(
        SignerIdentity(
            issuer=identity.issuer, subject=identity.subject or identity.subject_pattern or "", pattern=identity.subject is None
        )
        for identity in cosign.identities or ()
    )
    return SignerDemand(secret=root, minimum=cosign.minimum, identities=identities)
