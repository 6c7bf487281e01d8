"""The fields of Argo CD's ApplicationSet."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.importer.tables.kinds import APPLICATION_SET

_EXPANDED = "expanded now: a snapshot, not a generator"
_CLUSTERS = "there is one agent for each cluster"

TABLE = FieldTable(
    kind=APPLICATION_SET,
    rows=(
        none("metadata", "labels and annotations are those of the template"),
        changed("spec.generators[].list", "an Application each", _EXPANDED),
        changed("spec.generators[].git", "an Application each", _EXPANDED),
        none("spec.generators[].git.requeueAfterSeconds", "the result is not generated again"),
        changed("spec.generators[].matrix", "an Application each", _EXPANDED),
        changed("spec.generators[].merge", "an Application each", _EXPANDED),
        changed("spec.generators[].selector", "an Application each", "applied to what the generator yields"),
        none("spec.generators[].clusters", _CLUSTERS),
        none("spec.generators[].clusterDecisionResource", _CLUSTERS),
        none("spec.generators[].scmProvider", "create an Application for each repository"),
        none("spec.generators[].pullRequest", "`gitops-agent diff --revision` previews a branch"),
        none("spec.generators[].plugin", "create an Application for each result"),
        same("spec.template", "an Application each", "the table of Application"),
        changed("spec.templatePatch", "an Application each", "applied to what the template yields"),
        changed("spec.goTemplate", "an Application each", "fields, index, default, lower, upper, replace, trunc and quote"),
        changed("spec.goTemplateOptions", "an Application each", "a parameter without a value is always an error"),
        none("spec.applyNestedSelectors", "selectors of nested generators always count"),
        changed("spec.syncPolicy.preserveResourcesOnDeletion", "spec.deletionPolicy", "true is orphan"),
        none("spec.syncPolicy.applicationsSync", "Applications are written once, and Git has them"),
        changed("spec.strategy.rollingSync.steps[].matchExpressions", "spec.dependsOn", "a step waits for the one before it"),
        none("spec.strategy.rollingSync.steps[].maxUpdate", "all Applications of a step are updated at once"),
        none("spec.strategy.type", "follows from the steps"),
        none("spec.strategy.deletionOrder", "Applications are deleted one by one"),
        none("spec.preservedFields", "Applications are written once, and Git has them"),
        none("spec.ignoreApplicationDifferences", "Applications are written once, and Git has them"),
    ),
)
