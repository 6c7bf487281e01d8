"""The fields of Flux's Kustomization."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import KUSTOMIZATION

TABLE = FieldTable(
    kind=KUSTOMIZATION,
    rows=(
        same("metadata.labels", "metadata.labels", "but those of Flux"),
        same("metadata.annotations", "metadata.annotations", "but those of Flux"),
        changed("metadata.finalizers", "", "a mark of Flux, which the commands of the report remove"),
        same("spec.sourceRef", "spec.source", "the fields of the source, see there"),
        same("spec.path", "spec.source.path"),
        changed("spec.interval", "spec.sync.interval", "that of the source; drift is seen at once"),
        none("spec.retryInterval", "every failure is retried with backoff"),
        same("spec.prune", "spec.sync.prune"),
        same("spec.suspend", "spec.suspend"),
        same("spec.timeout", "spec.sync.timeout"),
        changed("spec.serviceAccountName", "spec.serviceAccountName", "an account beside the Application, with the same roles"),
        changed(
            "spec.targetNamespace",
            "spec.destination.namespace, spec.render.kustomize.namespace",
            "of every object where the directory is a kustomization, else of those that name none",
        ),
        changed("spec.dependsOn", "spec.dependsOn", "and what a Kustomization with `wait` declares"),
        none("spec.dependsOn[].readyExpr", "an Application is ready when it is synced and healthy"),
        same("spec.wait", "", "every object is waited for"),
        same("spec.healthChecks", "", "every object is waited for"),
        changed(
            "spec.healthCheckExprs", "", "the setting `health.expressions` of the agent, for all Applications: `settings.yaml`"
        ),
        none("spec.force", "annotate objects with `gitops-agent.dev/replace: on-immutable`", idle=(False,)),
        same("spec.deletionPolicy", "spec.deletionPolicy", "MirrorPrune follows `prune`"),
        same("spec.images", "spec.render.kustomize.images"),
        same("spec.patches", "spec.render.kustomize.patches"),
        same("spec.components", "spec.render.kustomize.components"),
        none("spec.ignoreMissingComponents", "a missing component is an error", idle=(False,)),
        same("spec.namePrefix", "spec.render.kustomize.namePrefix"),
        same("spec.nameSuffix", "spec.render.kustomize.nameSuffix"),
        changed("spec.commonMetadata", "spec.render.kustomize.patches", "a patch of every object"),
        none("spec.buildMetadata", "`gitops-agent why` names file and commit"),
        same("spec.decryption.provider", "spec.render.decryption.provider"),
        same("spec.decryption.secretRef", "spec.render.decryption.secretRef", "the Secret is used as it is"),
        none("spec.decryption.serviceAccountName", "put credentials of the cloud into the Secret"),
        same("spec.postBuild.substitute", "spec.render.variables.values", "with `compatibility: flux`"),
        same("spec.postBuild.substituteFrom", "spec.render.variables.from", "with `compatibility: flux`"),
        same("spec.postBuild.substituteStrategy", "spec.render.variables", "variables are always replaced"),
        same("spec.ignore[].paths", "spec.sync.ignoreFields"),
        same("spec.ignore[].target.group", "spec.sync.ignoreFields"),
        same("spec.ignore[].target.kind", "spec.sync.ignoreFields"),
        same("spec.ignore[].target.name", "spec.sync.ignoreFields"),
        none("spec.ignore[].target", "ignored fields are selected by kind and name"),
        none("spec.kubeConfig", "there is one agent for each cluster"),
    ),
)
