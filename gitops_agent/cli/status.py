"""`gitops-agent status`: the status of Applications, unhealthy first, with reasons."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from gitops_agent.api.application_row import SHORT, held, source_text, summary
from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT, HELD
from gitops_agent.cli.selection import Selection, selection_options
from gitops_agent.cli.sheet import Sheet
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.marks import FOLLOWED, annotation
from gitops_agent.operations.sync_window import closed_window, has_windows

if TYPE_CHECKING:
    from gitops_agent.rollout.progress import RolloutProgress

_TITLE_WIDTH = 13
_ORDER = ("Degraded", "Unknown", "Missing", "Progressing", "Suspended", "Healthy")
_READY = {"True": "yes", "False": "no"}


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

    def listing(shown: list[Object]) -> Sheet:
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


def badness(application: Object) -> tuple[int, int, str]:
    """Sort key: unhealthy first."""
    row = summary(application)
    urgent = {"False": 0, "Unknown": 1, "True": 2}.get(row["ready"], 1)
    health = _ORDER.index(row["health"]) if row["health"] in _ORDER else 0
    return urgent, health, row["name"]


def document(application: Object) -> Object:
    """The row and the status, for scripts."""
    return summary(application) | {"namespace": application["metadata"]["namespace"], "status": application.get("status") or {}}


def overview(applications: list[Object]) -> Sheet:
    """The table of some Applications."""
    rows = []
    for application in applications:
        row = summary(application)
        revision = (
            row["applied"] if row["applied"] == row["seen"] or not row["seen"] else f"{row['applied'] or '-'} → {row['seen']}"
        )
        rows.append((row["name"], row["ready"], row["sync"], row["health"], revision, out.brief(row["message"])))
    return Sheet(headers=("application", "ready", "sync", "health", "revision", "message"), rows=tuple(rows))


def _detail(access: ClusterClient, application: Object) -> None:
    row, status_ = summary(application), application.get("status") or {}
    spec, source = application["spec"], status_.get("source") or {}
    facts = [
        ("Application", f"{application['metadata']['namespace']}/{row['name']}"),
        ("Source", source_text(spec["source"])),
        ("Seen", f"{row['seen']} {source.get('subject', '')} ({source.get('author', '')})" if row["seen"] else "nothing yet"),
        ("Applied", row["applied"] or "nothing yet"),
        ("Sync", row["sync"]),
        ("Health", row["health"]),
        ("Ready", f"{_READY.get(row['ready'], 'not yet')}, {row['reason']}: {row['message']}"),
    ]
    resources = status_.get("resources") or {}
    if resources:
        counts = [f"{resources.get(key, 0)} {key}" for key in ("total", "synced", "drifted", "unhealthy")]
        if resources.get("leftOut"):
            counts.append(f"{resources['leftOut']} left out")
        facts.append(("Objects", ", ".join(counts)))
    if source.get("unavailableSince"):
        facts.append(("Unavailable", f"since {source['unavailableSince']}: {source.get('message', '')}"))
    if annotation(application, FOLLOWED):
        facts.append(("Pinned", f"by a rollback; undo it with `gitops-agent rollback {row['name']} --undo`"))
    facts += signatures(application)
    facts += _window(application)
    if row["reason"] in ("HeldForApproval", "WindowClosed"):
        plan = str((status_.get("sync") or {}).get("plan") or "")
        facts.append(("Approve", f"gitops-agent approve {row['name']} {plan[:SHORT]}"))
    approved = (status_.get("sync") or {}).get("approved") or {}
    if approved:
        by = f" by {approved['by']}" if approved.get("by") else ""
        facts.append(("Approved", f"plan {str(approved.get('hash'))[:SHORT]}{by} at {approved.get('at')}"))
    deletions = (status_.get("sync") or {}).get("deletions") or {}
    if deletions:
        facts.append(("Deleted", f"{deletions.get('count')} objects without approval, the last at {deletions.get('at')}"))
    facts += [("Warning", str(warning)) for warning in status_.get("warnings") or ()]
    rollouts = _rollouts(access, application)
    facts += [("Approve", f"gitops-agent rollout approve {rollout.key}") for rollout in rollouts if rollout.approval]
    for title, text in facts:
        click.echo(f"{title + ':':<{_TITLE_WIDTH}}{out.coloured(text)}".rstrip())
    if rollouts:
        from gitops_agent.cli.rollout.view import HEADERS
        from gitops_agent.cli.rollout.view import row as row_of

        click.echo()
        out.table(HEADERS, [row_of(rollout) for rollout in rollouts])
    problems = resources.get("problems") or []
    runs = (status_.get("hooks") or {}).get("runs") or []
    if runs:
        click.echo()
        out.table(("hook", "moment", "state", "took", "message"), [_hook(run) for run in runs])
    if problems:
        click.echo()
        out.table(("object", "reason", "message"), [(p["object"], p["reason"], p["message"]) for p in problems])


def signatures(application: Object) -> list[tuple[str, str]]:
    """The last verified commit, and those that are not followed."""
    source = (application.get("status") or {}).get("source") or {}
    verified, unverified = source.get("verified") or {}, source.get("unverified") or {}
    facts = []
    if verified:
        key = f" with {verified.get('kind')} key {verified['key']}" if verified.get("key") else ""
        by = f", signed by {verified.get('signer')}{key}" if key else ", where trust begins"
        facts.append(("Verified", f"{str(verified.get('revision'))[:SHORT]}{by}"))
    commits = unverified.get("commits") or []
    shown = (f"{str(each.get('commit'))[:SHORT]} ({each.get('author', '')}) {each.get('reason', '')}" for each in commits)
    facts += [("Unverified", text) for text in shown]
    if unverified.get("count", 0) > len(commits):
        facts.append(("Unverified", f"and {unverified['count'] - len(commits)} more"))
    if unverified.get("approval"):
        facts.append(("Approve", f"gitops-agent approve {application['metadata']['name']} {unverified['approval'][:SHORT]}"))
    return facts


def _window(application: Object) -> list[tuple[str, str]]:
    """Whether the windows of an application are open now; nothing without windows."""
    from gitops_agent.api.problems import SpecInvalid

    if not has_windows(application):
        return []
    try:
        closed = closed_window(application)
    except SpecInvalid:
        return []
    if closed is None:
        return [("Window", "open")]
    until = closed.opens.isoformat(timespec="seconds") if closed.opens else "no time in sight"
    return [("Window", f"closed until {until} ({closed.windows})")]


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
