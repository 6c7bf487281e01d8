"""The fields of Flux's HelmRelease."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldRow, FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import HELM_RELEASE

_WAIT = "every object is waited for"
_TIMEOUTS = "`spec.sync.timeout` is that of the whole release"
_NO_RELEASE = "there is no release: objects are applied"
_HOOKS = "spec.render.helm.hooks"
_IGNORED = "spec.sync.ignoreFields"


def _stage(stage: str) -> tuple[FieldRow, ...]:
    """The rows that installs and upgrades share."""
    return (
        changed(f"spec.{stage}.crds", "spec.render.helm.crds", "one policy for installs and upgrades"),
        changed(f"spec.{stage}.disableHooks", _HOOKS, "none where both disable them"),
        same(f"spec.{stage}.disableSchemaValidation", "spec.render.helm.skipSchemaValidation"),
        none(f"spec.{stage}.disableOpenAPIValidation", "the API server validates every object"),
        none(f"spec.{stage}.disableTakeOwnership", "objects that are there are adopted"),
        none(f"spec.{stage}.disableWait", _WAIT),
        none(f"spec.{stage}.disableWaitForJobs", _WAIT),
        none(f"spec.{stage}.serverSideApply", "always so"),
        none(f"spec.{stage}.strategy", "every failure is retried with backoff", idle=({"name": "RetryOnFailure"},)),
        none(f"spec.{stage}.timeout", _TIMEOUTS),
    )


TABLE = FieldTable(
    kind=HELM_RELEASE,
    rows=(
        same("metadata.labels", "metadata.labels", "but those of Flux"),
        same("metadata.annotations", "metadata.annotations", "but those of Flux"),
        changed("metadata.finalizers", "", "a mark of Flux, which the commands of the report remove"),
        same("spec.chart.spec.chart", "spec.source.chart.name, spec.source.path"),
        same("spec.chart.spec.version", "spec.source.chart.version", "of charts in a repository of charts"),
        same("spec.chart.spec.sourceRef", "spec.source", "the fields of the source, see there"),
        same("spec.chart.spec.interval", "spec.source.chart.interval"),
        same("spec.chart.spec.valuesFiles", "spec.render.helm.valuesFiles", "of charts in Git"),
        same("spec.chart.spec.ignoreMissingValuesFiles", "spec.render.helm.ignoreMissingValuesFiles"),
        changed("spec.chart.spec.reconcileStrategy", "", "Revision; ChartVersion is followed like it"),
        changed(
            "spec.chart.spec.verify",
            "spec.source.chart.verify",
            "keys and identities of cosign, the latter as whole texts",
        ),
        none("spec.chart.metadata", "there is no HelmChart"),
        same("spec.chartRef", "spec.source", "the fields of the source, see there"),
        changed("spec.interval", "spec.source.chart.interval", "that of the chart; drift is seen at once"),
        same("spec.releaseName", "spec.render.helm.releaseName", "Flux's default is written out"),
        same("spec.targetNamespace", "spec.destination.namespace"),
        none("spec.storageNamespace", _NO_RELEASE),
        same("spec.values", "spec.render.helm.values"),
        same("spec.valuesFrom[].kind", "spec.render.helm.valuesFrom[].kind"),
        same("spec.valuesFrom[].name", "spec.render.helm.valuesFrom[].name"),
        same("spec.valuesFrom[].valuesKey", "spec.render.helm.valuesFrom[].key"),
        same("spec.valuesFrom[].optional", "spec.render.helm.valuesFrom[].optional"),
        changed("spec.valuesFrom[].targetPath", "spec.render.helm.valuesFrom[].targetPath", "a JSON pointer"),
        none("spec.valuesFrom[].literal", "a value at a path is taken as text"),
        changed("spec.dependsOn", "spec.dependsOn", "and what the Kustomization that declares it waits for"),
        none("spec.dependsOn[].readyExpr", "an Application is ready when it is synced and healthy"),
        same("spec.timeout", "spec.sync.timeout"),
        same("spec.suspend", "spec.suspend"),
        changed("spec.serviceAccountName", "spec.serviceAccountName", "an account beside the Application, with the same roles"),
        changed("spec.commonMetadata", "spec.render.helm.postRender.kustomize.patches", "a patch of every object"),
        changed("spec.driftDetection.mode", "spec.sync.selfHeal", "enabled is true, else drift is reported only"),
        same("spec.driftDetection.ignore[].paths", _IGNORED),
        same("spec.driftDetection.ignore[].target.group", _IGNORED),
        same("spec.driftDetection.ignore[].target.kind", _IGNORED),
        same("spec.driftDetection.ignore[].target.name", _IGNORED),
        none("spec.driftDetection.ignore[].target", "ignored fields are selected by kind and name"),
        *_stage("install"),
        same("spec.install.createNamespace", "spec.destination.createNamespace"),
        same("spec.install.skipCRDs", "spec.render.helm.crds"),
        none("spec.install.replace", _NO_RELEASE),
        none("spec.install.remediation", "a failed install is retried, nothing is uninstalled"),
        *_stage("upgrade"),
        none("spec.upgrade.force", "annotate objects with `gitops-agent.dev/replace: on-immutable`"),
        none("spec.upgrade.preserveValues", "values are those of the Application"),
        none("spec.upgrade.cleanupOnFail", "objects of a failed upgrade are pruned with the next one"),
        none("spec.upgrade.chartNameChangeStrategy", "objects of another chart name are updated"),
        changed("spec.upgrade.remediation", "spec.sync.rollback.onDegraded", "true where an upgrade is rolled back"),
        none("spec.rollback", "`spec.sync.rollback` applies the last healthy revision"),
        none("spec.uninstall", "`spec.deletionPolicy`, under the deletion guard"),
        same("spec.test.enable", "spec.render.helm.tests", "after-sync"),
        none("spec.test", "every test of the chart runs, within `spec.sync.timeout`"),
        same("spec.postRenderers[].kustomize.images", "spec.render.helm.postRender.kustomize.images"),
        same("spec.postRenderers[].kustomize.patches", "spec.render.helm.postRender.kustomize.patches"),
        none("spec.postRenderers", "patches and images of kustomize are taken over, other changes are not"),
        none("spec.postRenderStrategy", "hooks are patched like the other objects"),
        changed(
            "spec.healthCheckExprs", "", "the setting `health.expressions` of the agent, for all Applications: `settings.yaml`"
        ),
        same("spec.waitStrategy", "", _WAIT),
        none("spec.maxHistory", "the status keeps a history of its own length"),
        none("spec.persistentClient", "there is one client"),
        none("spec.kubeConfig", "there is one agent for each cluster"),
    ),
)
