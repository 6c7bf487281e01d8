"""The fields of Flux's Alert, Provider and Receiver."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import ALERT, PROVIDER, RECEIVER

PROVIDERS = FieldTable(
    kind=PROVIDER,
    rows=(
        changed("metadata", "", "the provider becomes fields of the Notifiers that use it"),
        changed("spec.type", "spec.provider", "the notifier of that service; other types have no equivalent"),
        same("spec.address", "spec.address", "of a forge its server, and `spec.repository`"),
        same("spec.secretRef", "spec.secretRef", "the Secret is used as it is"),
        none("spec.channel", "a key of the Secret where a service needs it"),
        none("spec.username", "the name of the sender is that of the webhook"),
        none("spec.certSecretRef", "authorities are those of the agent's image"),
        none("spec.proxy", "the environment of the agent"),
        none("spec.proxySecretRef", "the environment of the agent"),
        none("spec.timeout", "the setting `notify.timeoutSeconds`"),
        none("spec.interval", "a field without effect"),
        none("spec.commitStatusExpr", "a status is named after its Application"),
        none("spec.serviceAccountName", "put credentials into the Secret"),
        changed("spec.suspend", "", "a suspended provider becomes no Notifier"),
    ),
)

ALERTS = FieldTable(
    kind=ALERT,
    rows=(
        same("metadata.labels", "metadata.labels", "but those of Flux"),
        same("metadata.annotations", "metadata.annotations", "but those of Flux"),
        changed("metadata.finalizers", "", "a mark of Flux, which the commands of the report remove"),
        changed("spec.providerRef", "spec.provider, spec.address, spec.secretRef", "the fields of the Provider"),
        changed("spec.eventSeverity", "spec.events", "error names failures, info is the default of a Notifier"),
        changed("spec.eventSources", "spec.applications", "by a label that the imported Applications get"),
        none("spec.inclusionList", "name the events in `spec.events`"),
        none("spec.exclusionList", "name the events in `spec.events`"),
        none("spec.summary", "write it into `spec.template`"),
        none("spec.eventMetadata", "write them into `spec.template`"),
        changed("spec.suspend", "", "a suspended alert becomes no Notifier"),
    ),
)

RECEIVERS = FieldTable(
    kind=RECEIVER,
    rows=(
        changed("metadata", "", "the forge gets another address: the path of the component `webhooks`"),
        changed("spec.type", "", "the path `/hooks/SENDER` of the component `webhooks`; registries and others use `generic`"),
        changed("spec.secretRef", "", "its `token` is the sender's key of the Secret `gitops-agent-webhooks`"),
        changed("spec.resources", "", "every repository that an Application follows"),
        changed("spec.events", "", "pushes; set at the forge"),
        none("spec.resourceFilter", "a webhook polls the repository that it names"),
        none("spec.oidcProviders", "give the sender a secret"),
        none("spec.interval", "there is nothing to reconcile"),
        none("spec.suspend", "take the sender's key out of the Secret", idle=(False,)),
    ),
)

TABLES = (PROVIDERS, ALERTS, RECEIVERS)
