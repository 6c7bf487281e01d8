"""Writes reference pages of commands, metrics and events.

Usage: `python -m gitops_agent.docsgen.commands DIRECTORY`.

Commands are printed from the command line itself, metrics from their registry, events from their type; what stands here is only
what no code says: when each event happens. A test fails when a committed page is stale or an event has no text.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
from prometheus_client.metrics import MetricWrapperBase

from gitops_agent.api.event_type import EventType
from gitops_agent.api.reasons import REASONS
from gitops_agent.cli.main import cli
from gitops_agent.notify.routing import DEFAULT_EVENTS
from gitops_agent.observe import deployments, metrics

_NOTE = "<!-- Made by `python -m gitops_agent.docsgen.commands`; change the code instead. -->"
_SHARED = ("output", "kubeconfig", "context", "namespace", "verbose", "help")

_INTRODUCTION = """\
`gitops-agent` keeps a Kubernetes cluster in sync with Git.
Results go to standard output, messages to standard error.
Tables are wrapped and coloured on a terminal (`NO_COLOR` disables colour); in a pipe a row is one line.
`-v`, before or after the command, prints all details of an error, and the log of what a command does."""
_EXIT_CODES = (
    ("0", "done"),
    ("1", "an error, reported in one line"),
    ("2", "the command line or a setting is wrong"),
    ("3", "there are differences, or something is not healthy"),
    ("4", "held for approval: a plan, or a step of a rollout"),
    ("130", "interrupted"),
)

LATER = frozenset({EventType.DELETED})
"""Events that a Notifier may name already but that this version never emits."""

ON_REQUEST = frozenset({EventType.TEST})
"""Events of no Application, which the agent emits for a user."""

WHEN: Mapping[EventType, tuple[str, str]] = {
    EventType.REVISION_SEEN: ("info", "A commit was found that changes something of the application."),
    EventType.SYNCED: ("info", "Every object of a commit is applied, where it was not before."),
    EventType.SYNC_FAILED: ("error", "A commit cannot be rendered, planned or applied; once for each commit and reason."),
    EventType.PROGRESSING: ("info", "Objects are on their way to healthy after they were healthy or not there."),
    EventType.DEGRADED: ("error", "An object failed, or did not become healthy in time."),
    EventType.RECOVERED: ("info", "Every object is healthy again after the application was Degraded."),
    EventType.ROLLED_BACK: (
        "error",
        "A commit is rejected, for Degraded objects; the last healthy one is applied again.",
    ),
    EventType.DRIFT_DETECTED: ("warning", "Objects were changed by another writer; fields, manager and time are named."),
    EventType.DRIFT_REPAIRED: ("info", "Such a change was undone."),
    EventType.FIGHTING: ("warning", "Another writer keeps changing an object back, and repairs of it stopped."),
    EventType.HELD: ("warning", "A plan waits for approval; the message says what it would delete."),
    EventType.APPROVED: ("info", "A held plan ran after it was approved."),
    EventType.SOURCE_UNAVAILABLE: ("warning", "The repository cannot be read; the last good commit stays."),
    EventType.SOURCE_RECOVERED: ("info", "The repository can be read again."),
    EventType.UNVERIFIED: ("warning", "A commit is not followed for its signature; it is the commit of the event."),
    EventType.SIGNER_REMOVED: ("warning", "What runs was signed by a key that was removed or revoked; it goes on running."),
    EventType.HISTORY_REWRITTEN: ("warning", "The branch was force-pushed; old and new commit and the number lost are named."),
    EventType.WINDOW_CLOSED: ("info", "Changes wait for a window; the message names the time at which it opens."),
    EventType.SUSPENDED: ("warning", "A pause began."),
    EventType.RESUMED: ("info", "A pause ended, by itself or by a user."),
    EventType.STALLED: ("error", "The spec cannot be followed; nothing is done until it is corrected."),
    EventType.DELETED: ("info", "The Application and what it owned are gone."),
    EventType.ROLLOUT_STARTED: ("info", "A rollout began."),
    EventType.ROLLOUT_PAUSED: ("warning", "A rollout waits for a user: it is paused, or a step requires approval."),
    EventType.ROLLOUT_STEP: ("info", "A rollout entered a step."),
    EventType.ROLLOUT_ABORTED: ("error", "A rollout failed or was aborted; it is rolled back to the stable version."),
    EventType.PROMOTED: ("info", "A rollout was promoted."),
    EventType.TEST: ("info", "`gitops-agent notify test` was called: sent to that one Notifier, whatever its `events` names."),
}
"""By type: how severe it is, and when it happens."""


def pages() -> dict[str, str]:
    """The pages: name to content."""
    return {"commands.md": _commands(), "metrics.md": _metrics(), "events.md": _events()}


def write(directory: Path) -> None:
    """Writes every page, and refreshes an existing troubleshooting page beside it."""
    for name, text in pages().items():
        (directory / name).write_text(text)
    troubleshooting = directory.parent / "troubleshooting.md"
    if troubleshooting.is_file():
        troubleshooting.write_text(refreshed(troubleshooting.read_text()))


def refreshed(page: str) -> str:
    """Updates the first paragraph of each code in the troubleshooting page.

    It comes from the table of reasons; the rest stays as written.

    Codes without a place get one at the end, and places of codes that are no more go.
    """
    parts = re.split(r"^### (\w+)\n", page, flags=re.MULTILINE)
    result = parts[0]
    for code, body in zip(parts[1::2], parts[2::2], strict=True):
        mine, mark, after = body.partition("\n## ")
        written = mine.strip().partition("\n\n")[2].strip()
        if code in REASONS:
            result += "\n\n".join(part for part in (f"### {code}", _paragraph(code), written) if part) + "\n\n"
        result += f"## {after}" if mark else ""
    missing = sorted(REASONS.keys() - set(parts[1::2]))
    return result.rstrip() + "\n" + "".join(f"\n### {code}\n\n{_paragraph(code)}\n" for code in missing)


def _paragraph(code: str) -> str:
    reason = REASONS[code]
    return "\n".join(part for part in (reason.meaning, reason.remedy) if part)


def _commands() -> str:
    context = click.Context(cli, info_name="gitops-agent")
    shared = cli.get_command(context, "status")
    assert shared is not None  # noqa: S101 - the table of commands has it
    parts = [
        _INTRODUCTION,
        _table(("Exit code", "Meaning"), _EXIT_CODES),
        "Most commands take these options:",
        _options(option for option in shared.params if option.name in _SHARED),
    ]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None:
            parts += _command(command, f"gitops-agent {name}")
    return _page("Commands", *parts)


def _command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"## {path.removeprefix('gitops-agent ')}"
    yield f"```console\n{' '.join((path, *command.collect_usage_pieces(context)))}\n```"
    yield inspect.cleandoc(str(command.help))
    own = [option for option in command.params if isinstance(option, click.Option) and option.name not in _SHARED]
    if own:
        yield _options(own)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, f"{path} {name}")


def _options(options: Iterable[click.Parameter]) -> str:
    rows = []
    for option in options:
        record = option.get_help_record(click.Context(cli)) if isinstance(option, click.Option) else None
        if record is not None:
            rows.append((f"`{record[0]}`", record[1]))
    return _table(("Option", "Meaning"), rows)


def _metrics() -> str:
    rows = []
    for collector in (*vars(metrics).values(), *vars(deployments).values()):
        if isinstance(collector, MetricWrapperBase):
            (family,) = collector.describe()
            rows.append((family.name, family.type, collector._labelnames, family.documentation))  # noqa: SLF001 - no public way to ask
    rows += [
        (family.name, family.type, deployments.LABELS[family.name], family.documentation)
        for family in deployments.DEPLOYMENTS.describe()
    ]
    rows += [("gitops_agent_api_requests", "counter", ("verb", "resource"), "Requests to the API server.")]
    families = [family for family in metrics.REGISTRY.collect() if family.name.startswith("process_")]
    rows += [(family.name, family.type, (), family.documentation) for family in families]
    table = _table(
        ("Metric", "Type", "Labels", "Meaning"),
        (
            (f"`{name}{'_total' * (kind == 'counter')}`", kind, ", ".join(f"`{label}`" for label in labels), text)
            for name, kind, labels, text in sorted(rows)
        ),
    )
    return _page("Metrics", "Served at `/metrics` in the Prometheus text format, on the port of the probes.", table)


def _events() -> str:
    rows = [
        (
            f"`{kind.value}`",
            WHEN[kind][0],
            "yes" if kind in DEFAULT_EVENTS else "",
            WHEN[kind][1] + (" Not emitted by this version." if kind in LATER else ""),
        )
        for kind in EventType
    ]
    return _page(
        "Events",
        "Events are edges: an application that stays broken emits nothing. Each becomes a Kubernetes Event of its Application "
        "(`gitops-agent events APP`), a line of the log, and a message to every Notifier whose `spec.events` names it. "
        "A Notifier that names none gets those marked in the third column.",
        _table(("Event", "Severity", "Sent by default", "When"), rows),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _NOTE, *(part for part in parts if part)]) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
