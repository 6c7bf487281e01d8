"""The fields of Flux's sources."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import (
    ARTIFACT_GENERATOR,
    BUCKET,
    EXTERNAL_ARTIFACT,
    GIT_REPOSITORY,
    HELM_CHART,
    HELM_REPOSITORY,
    OCI_REPOSITORY,
)

_METADATA = changed("metadata", "", "the source becomes fields of the Applications that use it")
_PROXY = "the environment of the agent"
_TIMEOUT = "a setting of the agent"
_IDENTITY = "put credentials into the Secret"
_ARTIFACT = "manifests are read from Git"

GIT = FieldTable(
    kind=GIT_REPOSITORY,
    rows=(
        _METADATA,
        same("spec.url", "spec.source.repoURL"),
        same("spec.secretRef", "spec.source.secretRef", "the Secret is used as it is"),
        same("spec.interval", "spec.sync.interval"),
        same("spec.ref.branch", "spec.source.ref.branch"),
        same("spec.ref.tag", "spec.source.ref.tag"),
        same("spec.ref.semver", "spec.source.ref.semver"),
        same("spec.ref.commit", "spec.source.ref.commit"),
        changed("spec.ref.name", "spec.source.ref", "refs/heads and refs/tags; others have no equivalent"),
        same("spec.verify.mode", "spec.source.verify.mode"),
        same("spec.verify.secretRef", "spec.source.verify.secretRef", "the Secret is used as it is"),
        same("spec.suspend", "spec.suspend", "of every Application that uses it"),
        changed(
            "spec.provider", "spec.source.secretRef", "github is found by the Secret; aws and azure need a password or key"
        ),
        none("spec.serviceAccountName", _IDENTITY),
        none("spec.timeout", _TIMEOUT, idle=("60s", "1m0s")),
        none("spec.proxySecretRef", _PROXY),
        none("spec.ignore", "only what the path renders is read"),
        none("spec.sparseCheckout", "only what the path renders is read"),
        none("spec.recurseSubmodules", "submodules are refused: commit their files", idle=(False,)),
        none("spec.include", "put the files into one repository"),
    ),
)

OCI = FieldTable(
    kind=OCI_REPOSITORY,
    rows=(
        _METADATA,
        changed("spec.url", "spec.source.chart", f"where a HelmRelease names it; else {_ARTIFACT}"),
        changed("spec.ref.tag", "spec.source.chart.version", "of a chart"),
        changed("spec.ref.semver", "spec.source.chart.version", "of a chart"),
        none("spec.ref.semverFilter", "narrow the range of versions"),
        none("spec.ref.digest", "name a version; `spec.source.chart.digest` is that of the archive"),
        changed("spec.secretRef", "spec.source.chart.secretRef", "of a chart"),
        changed("spec.interval", "spec.source.chart.interval", "of a chart"),
        changed("spec.layerSelector", "", "the layer of a chart is known; else manifests are read from Git"),
        none("spec.provider", _IDENTITY, idle=("generic",)),
        none("spec.serviceAccountName", _IDENTITY),
        none("spec.certSecretRef", "put `ca.crt` into the Secret of the credentials"),
        changed("spec.verify", "spec.source.chart.verify", "keys and identities of cosign, the latter as whole texts"),
        none("spec.insecure", "put the authority into `ca.crt`", idle=(False,)),
        none("spec.ignore", _ARTIFACT),
        none("spec.timeout", _TIMEOUT, idle=("60s", "1m0s")),
        none("spec.proxySecretRef", _PROXY),
        changed("spec.suspend", "spec.suspend", "of every Application that uses it"),
    ),
)

BUCKETS = FieldTable(kind=BUCKET, rows=(_METADATA, none("spec", "commit the manifests to a Git repository")))

REPOSITORY = FieldTable(
    kind=HELM_REPOSITORY,
    rows=(
        _METADATA,
        same("spec.url", "spec.source.chart.repository"),
        same("spec.type", "spec.source.chart.repository", "follows from the address"),
        same("spec.secretRef", "spec.source.chart.secretRef"),
        same("spec.interval", "spec.source.chart.interval"),
        changed("spec.passCredentials", "spec.source.chart.hosts", "name the hosts that may get the credentials"),
        none("spec.certSecretRef", "put `ca.crt`, `tls.crt` and `tls.key` into the Secret of the credentials"),
        none("spec.provider", _IDENTITY, idle=("generic",)),
        none("spec.insecure", "put the authority into `ca.crt`", idle=(False,)),
        none("spec.accessFrom", "a Secret is used in its own namespace"),
        none("spec.timeout", _TIMEOUT, idle=("60s", "1m0s")),
        same("spec.suspend", "spec.suspend", "of every Application that uses it"),
    ),
)

CHART = FieldTable(
    kind=HELM_CHART,
    rows=(
        _METADATA,
        same("spec.chart", "spec.source.chart.name"),
        same("spec.version", "spec.source.chart.version"),
        same("spec.sourceRef", "spec.source"),
        same("spec.interval", "spec.source.chart.interval"),
        same("spec.valuesFiles", "spec.render.helm.valuesFiles", "of charts in Git"),
        same("spec.ignoreMissingValuesFiles", "spec.render.helm.ignoreMissingValuesFiles"),
        changed("spec.reconcileStrategy", "", "Revision; ChartVersion is followed like it"),
        changed("spec.verify", "spec.source.chart.verify", "keys and identities of cosign, the latter as whole texts"),
        same("spec.suspend", "spec.suspend"),
    ),
)

ARTIFACT = FieldTable(
    kind=EXTERNAL_ARTIFACT,
    rows=(_METADATA, changed("spec.sourceRef", "spec.source", "the Git repository behind its ArtifactGenerator")),
)

GENERATOR = FieldTable(
    kind=ARTIFACT_GENERATOR,
    rows=(
        _METADATA,
        changed("spec.sources", "spec.source", "the Git repository that a directory is copied from"),
        changed("spec.artifacts", "spec.source.path", "directories that are copied whole; other operations have no equivalent"),
        none("spec.artifacts[].copy[].exclude", "every file of the directory is read"),
        none("spec.artifacts[].copy[].strategy", "a directory is read, not copied", idle=("Overwrite",)),
        none("spec.commonMetadata", "there is no artifact"),
        none("spec.pathPattern", "name each directory as an artifact of its own"),
    ),
)

TABLES = (GIT, OCI, BUCKETS, REPOSITORY, CHART, ARTIFACT, GENERATOR)
