"""The keys of Argo CD's Secrets for repositories."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.manifest.kinds import SECRET

_CLOUD = "use a password, a key or a GitHub App"

TABLE = FieldTable(
    kind=SECRET,
    rows=(
        changed("metadata", "", "labels and annotations of Argo CD"),
        changed("type", "", "Opaque"),
        changed("data.url", "spec.source.secretRef", "in the Applications of this repository, or of those below it"),
        none("data.type", "follows from the Application"),
        none("data.name", "for people only"),
        none("data.project", "a Secret counts for the Applications that name it"),
        same("data.username", "username"),
        same("data.password", "password"),
        same("data.bearerToken", "bearerToken"),
        same("data.sshPrivateKey", "identity", "with the host keys of argocd-ssh-known-hosts-cm as known_hosts"),
        same("data.tlsClientCertData", "tls.crt"),
        same("data.tlsClientCertKey", "tls.key"),
        same("data.githubAppID", "githubAppID"),
        same("data.githubAppInstallationID", "githubAppInstallationID"),
        same("data.githubAppPrivateKey", "githubAppPrivateKey"),
        same("data.githubAppEnterpriseBaseUrl", "githubAppBaseURL"),
        none("data.insecure", "put the authority into `ca.crt`"),
        none("data.insecureIgnoreHostKey", "put the host keys into `known_hosts`"),
        none("data.insecureOCIForceHttp", "put the authority into `ca.crt`"),
        none("data.enableLfs", "files in Git LFS are refused"),
        none("data.enableOCI", "follows from the address"),
        none("data.proxy", "the environment of the agent"),
        none("data.noProxy", "the environment of the agent"),
        none("data.forceHttpBasicAuth", "credentials are sent with the first request"),
        none("data.depth", "history is fetched once"),
        none("data.webhookManifestCacheWarmDisabled", "there is no such cache"),
        none("data.gcpServiceAccountKey", _CLOUD),
        none("data.useAzureWorkloadIdentity", _CLOUD),
        none("data.azureServicePrincipalClientId", _CLOUD),
        none("data.azureServicePrincipalClientSecret", _CLOUD),
        none("data.azureServicePrincipalTenantId", _CLOUD),
        none("data.azureActiveDirectoryEndpoint", _CLOUD),
    ),
)
