"""`gitops-agent status`: the status of Applications, unhealthy first, with reasons."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from gitops_agent.api.application_row import held, summary
from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT, HELD
from gitops_agent.cli.selection import Selection, selection_options
from gitops_agent.cli.wide_table import WideTable
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.operations.status_facts import HEADERS, badness, status_facts, status_row

if TYPE_CHECKING:
    from gitops_agent.rollout.progress import RolloutProgress

_TITLE_WIDTH = 13


@click.command()
@click.argument("name", required=False, shell_complete=complete.applications)
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 3 unless everything is synced and healthy, 4 when something waits for approval.",
)
@selection_options
@out.listing_option
@out.cluster_options
def status(
    name: str | None,
    *,
    exit_code: bool,
    selection: Selection,
    output: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Show the status of Applications, unhealthy first, or one in detail.

    With --watch one application is a row as well.
    """
    selection.check(name)
    if selection.watch and exit_code:
        raise UsageError("--watch and --exit-code exclude each other")
    if selection.watch and output in ("json", "yaml"):
        raise UsageError(f"--watch is for tables only here: say `gitops-agent get applications --watch -o {output}`")
    access = ClusterClient.open(kubeconfig, context, namespace)
    applications = [access.application(name)] if name else selection.listed(access, "Application")
    applications.sort(key=badness)

    def listing(shown: list[Object]) -> WideTable:
        shown = sorted(shown, key=badness)
        return overview(shown).extended(shown, namespaces=selection.everywhere, wide=output == "wide")

    if selection.watch:
        from gitops_agent.cli.follow import follow

        resource = access.discovery.find(GROUP, "Application")
        follow(access, resource, selection.watched(namespace, name), listing, output=output)
    elif output == "name":
        out.names("Application", applications)
    elif output in ("json", "yaml"):
        out.document([document(application) for application in applications] if not name else document(applications[0]), output)
    elif name and output == "table":
        _detail(access, applications[0])
    elif applications:
        sheet = listing(applications)
        out.table(sheet.headers, sheet.rows)
    else:
        out.talk(selection.nothing("Applications", namespace))
    if exit_code:
        sys.exit(code(applications))


def code(applications: list[Object]) -> int:
    """Exit code: 0 synced and healthy, 4 held, else 3.

    Held means that a plan or a step of a rollout waits for approval.
    """
    if any(held(application) for application in applications):
        return HELD
    return 0 if all(summary(application)["ready"] == "True" for application in applications) else DIFFERENT


def document(application: Object) -> Object:
    """The row and the status, for scripts."""
    return summary(application) | {"namespace": application["metadata"]["namespace"], "status": application.get("status") or {}}


def overview(applications: list[Object]) -> WideTable:
    """The table of some Applications."""
    rows = [status_row(application) for application in applications]
    return WideTable(headers=HEADERS, rows=tuple((*row[:-1], out.brief(row[-1])) for row in rows))


def _detail(access: ClusterClient, application: Object) -> None:
    resources, hooks = ((application.get("status") or {}).get(name) or {} for name in ("resources", "hooks"))
    rollouts = _rollouts(access, application)
    for title, text in status_facts(application, rollouts):
        click.echo(f"{title + ':':<{_TITLE_WIDTH}}{out.coloured(text)}".rstrip())
    if rollouts:
        from gitops_agent.cli.rollout.view import HEADERS
        from gitops_agent.cli.rollout.view import row as row_of

        click.echo()
        out.table(HEADERS, [row_of(rollout) for rollout in rollouts])
    problems = resources.get("problems") or []
    runs = hooks.get("runs") or []
    if runs:
        click.echo()
        out.table(("hook", "moment", "state", "took", "message"), [_hook(run) for run in runs])
    if problems:
        click.echo()
        out.table(("object", "reason", "message"), [(p["object"], p["reason"], p["message"]) for p in problems])


def _hook(run: Object) -> tuple[str, str, str, str, str]:
    """The row of a run of a hook."""
    started = datetime.fromisoformat(run["started"])
    ended = datetime.fromisoformat(run["ended"]) if run.get("ended") else datetime.now(UTC)
    from gitops_agent.api.durations import format_duration

    took = format_duration(timedelta(seconds=max(0, round((ended - started).total_seconds()))))
    return run["object"], run.get("moment", ""), run.get("state", ""), took, out.brief(run.get("message", ""))


def _rollouts(access: ClusterClient, application: Object) -> list[RolloutProgress]:
    """Rollouts of an application, worst first; read errors go to standard error."""
    if not (application.get("status") or {}).get("rollouts"):
        return []
    from gitops_agent.operations.rollout_lookup import of_application

    rollouts, problem = of_application(access, application)
    if problem:
        out.talk(out.line(f"not every rollout can be read: {problem}"))
    return rollouts
