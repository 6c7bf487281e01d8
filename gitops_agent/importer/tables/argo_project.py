"""The fields of Argo CD's AppProject."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import APP_PROJECT

_RBAC = "give the ServiceAccount of the Applications only these rights (Kubernetes RBAC)"
_WINDOWS = "spec.sync.windows"

TABLE = FieldTable(
    kind=APP_PROJECT,
    rows=(
        none("metadata", "a project is no object here"),
        none("spec.description", "for people only"),
        none("spec.sourceRepos", "the setting `source.allowedRepositories` of the agent"),
        none("spec.destinations", _RBAC),
        none("spec.destinationServiceAccounts", "name the account in `spec.serviceAccountName`"),
        none("spec.sourceNamespaces", "Applications lie in the namespace of the agent; RBAC says who writes them"),
        none("spec.clusterResourceWhitelist", _RBAC),
        none("spec.clusterResourceBlacklist", _RBAC),
        none("spec.namespaceResourceWhitelist", _RBAC),
        none("spec.namespaceResourceBlacklist", _RBAC),
        none("spec.roles", "Kubernetes RBAC on Applications; there are no tokens of a project"),
        same("spec.syncWindows[].kind", _WINDOWS),
        same("spec.syncWindows[].schedule", _WINDOWS),
        same("spec.syncWindows[].duration", _WINDOWS),
        same("spec.syncWindows[].timeZone", _WINDOWS),
        same("spec.syncWindows[].manualSync", _WINDOWS),
        same("spec.syncWindows[].description", f"{_WINDOWS}[].reason"),
        changed("spec.syncWindows[].applications", _WINDOWS, "in the Applications that match"),
        changed("spec.syncWindows[].namespaces", _WINDOWS, "in the Applications that match"),
        changed("spec.syncWindows[].clusters", _WINDOWS, "in the Applications that match"),
        changed("spec.syncWindows[].andOperator", _WINDOWS, "decides which Applications match"),
        none("spec.syncWindows[].syncOverrun", "a sync under way ends, and a new one waits"),
        none("spec.signatureKeys", "`spec.source.verify` with a Secret of the signers' keys"),
        none("spec.sourceIntegrity", "`spec.source.verify` with a Secret of the signers' keys"),
        none("spec.orphanedResources", "objects without an Application are not reported"),
        none("spec.permitOnlyProjectScopedClusters", "there is one agent for each cluster"),
    ),
)
