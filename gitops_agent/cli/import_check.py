"""Plans of what was imported, against what the other tool applied.

An import is right when nothing but our marks would change. Whether another tool still manages the objects makes no difference
here: the plan is that of the time after it.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from gitops_agent.api.application import KIND
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.importer.result import ImportResult, named
from gitops_agent.importer.tables.kinds import ARGO, FLUX_GROUPS
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import TAKEN_OVER
from gitops_agent.preview.comparison import Preview, PreviewTarget, compare
from gitops_agent.sync.action import Action, ActionKind

_SIGNS = {ActionKind.CREATE: "+", ActionKind.UPDATE: "~", ActionKind.REPLACE: "!", ActionKind.DELETE: "-"}


def check(access: ClusterClient, result: ImportResult) -> int:
    """Prints the plan of each Application; returns 3 unless all are empty."""
    verdicts = [check_application(access, resource) for resource in _taken_over(result)]
    empty = verdicts.count(True)
    out.talk(f"{empty} of {len(verdicts)} plans are empty")
    return 0 if empty == len(verdicts) else DIFFERENT


def _taken_over(result: ImportResult) -> Iterator[Object]:
    """The Applications as the commands of the report leave them."""
    installed = {ObjectKey.of(obj) for conversion in result.conversions if conversion.installed for obj in conversion.resources}
    for resource in result.resources:
        if resource["kind"] == KIND:
            metadata = resource["metadata"]
            more = {TAKEN_OVER: "true"} if ObjectKey.of(resource) in installed else {}
            yield {**resource, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **more}}}


def check_application(access: ClusterClient, resource: dict[str, object]) -> bool:
    """Prints one plan; whether it is empty."""
    try:
        preview = compare(access, resource, PreviewTarget())
    except AgentError as error:
        click.echo(out.coloured(f"{named(resource)}: no plan: {error} ({error.reason})", "Degraded"))
        return False
    lines = list(_differences(preview))
    declared = sum(1 for action in preview.plan.actions if action.manifest is not None)
    if not lines:
        click.echo(out.coloured(f"{named(resource)}: empty: {_counted(declared)} as declared", "Synced"))
        return True
    click.echo(out.coloured(f"{named(resource)}: different", "OutOfSync"))
    for line in lines:
        click.echo(f"  {out.line(line)}")
    return False


def _counted(count: int) -> str:
    return "1 object is" if count == 1 else f"{count} objects are"


def _differences(preview: Preview) -> Iterator[str]:
    for action in preview.plan.changes():
        fields = preview.fields.get(action.key, ())
        error = preview.errors.get(action.key)
        if action.intent is ActionKind.UPDATE and not fields and error is None:
            continue
        yield f"{_SIGNS[action.intent]} {action.key}{_aside(action)}" + (f": refused: {error}" if error else "")
        yield from (f"    {change.field}" for change in fields)
    for moment, hook in preview.hooks:
        yield f"> {moment.value} {hook.key} would run"


def _aside(action: Action) -> str:
    if action.key.group in FLUX_GROUPS or action.key.group == ARGO:
        return " (an object of the other tool: remove it from Git when what it became is applied)"
    return ""
