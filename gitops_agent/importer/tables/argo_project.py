"""The fields of Argo CD's AppProject."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import APP_PROJECT

_RBAC = "a ServiceAccount with a Role, below `manifests`"
_WINDOWS = "spec.sync.windows"

TABLE = FieldTable(
    kind=APP_PROJECT,
    rows=(
        changed("metadata", "", "a project is no object here"),
        none("spec.description", "for people only"),
        changed("spec.sourceRepos", "", "the setting `source.allowedRepositories` of the agent, for all Applications"),
        changed("spec.destinations", "", f"{_RBAC}; another cluster has an agent of its own"),
        none("spec.destinationServiceAccounts", "name the account in `spec.serviceAccountName`"),
        none("spec.sourceNamespaces", "Applications lie in the namespace of the agent; RBAC says who writes them"),
        changed("spec.clusterResourceWhitelist", "", _RBAC),
        none("spec.clusterResourceBlacklist", "RBAC only allows: list the other kinds"),
        changed("spec.namespaceResourceWhitelist", "", _RBAC),
        none("spec.namespaceResourceBlacklist", "RBAC only allows: list the other kinds"),
        changed("spec.roles", "", "a Role on Applications and its binding to the groups, below `manifests`"),
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
