"""Draws one rollout for people: versions, steps, waits, pods, metrics, next commands.

The same lines serve a terminal, where words of status have their colour and the picture is drawn anew as things change, and a
pipe, where they are plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitops_agent.cli import output as out
from gitops_agent.cli.table import lay_out
from gitops_agent.manifest.revision_name import short
from gitops_agent.operations.rollout_pods import PodGroup
from gitops_agent.rollout.describe import share
from gitops_agent.rollout.progress import Attention, Line, Mark, RolloutProgress, span
from gitops_agent.rollout.state import Phase, Version

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_TITLE_WIDTH = 14
_ROLE_WIDTH = 8
_STYLES = {
    Attention.ROLLED_BACK: "bold red",
    Attention.PAUSED: "bold yellow",
    Attention.APPROVAL: "bold magenta",
    Attention.REFUSED: "bold red",
    Attention.UNSEEN: "bold yellow",
    Attention.WAITING: "bold cyan",
    Attention.RUNNING: "bold cyan",
    Attention.STABLE: "bold green",
}
_WORDS = {
    Attention.ROLLED_BACK: "rolled back",
    Attention.PAUSED: "paused",
    Attention.APPROVAL: "waits for approval",
    Attention.REFUSED: "refused",
    Attention.UNSEEN: "not seen yet",
    Attention.WAITING: "waits",
    Attention.RUNNING: "rolling out",
    Attention.STABLE: "stable",
}
_MARKS = {
    Mark.DONE: "green",
    Mark.NOW: "bold cyan",
    Mark.PAUSED: "bold yellow",
    Mark.LEFT: "red",
    Mark.SKIPPED: "dim",
    Mark.AHEAD: "dim",
}
_HEALTH = {"Healthy": "✔", "Progressing": "◌", "Suspended": "◌", "Terminating": "◌"}
_VERDICTS = {"success": "green", "failure": "red", "error": "yellow", "inconclusive": "yellow"}


def picture(standing: RolloutProgress, sides: Sequence[PodGroup], now: datetime) -> RenderableType:
    """Everything about one rollout."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_headline(standing), *_facts(standing, now)]
    for title, lines in (
        ("Steps" if standing.state.running else "Steps of the next run", _steps(standing.lines(now))),
        ("Pods", _pods(sides)),
    ):
        if lines:
            parts += [Text(), Text(title, style="bold"), *lines]
    if measured := (standing.raw.get("status") or {}).get("analysis"):
        parts += [Text(), Text("Metrics", style="bold"), _metrics(standing, measured)]
    if len(standing.state.rejected) > (standing.state.phase is Phase.HELD):
        parts += [Text(), Text("Rejected", style="bold"), _rejected(standing)]
    if commands := standing.commands():
        # Lines and no table: a command that was folded could not be copied.
        width = max(len(typed) for typed, _ in commands)
        next_ = [Text.assemble((f"  {typed:<{width}}", "cyan"), f"  {what}") for typed, what in commands]
        parts += [Text(), Text("Next", style="bold"), *next_]
    return Group(*parts)


def row(standing: RolloutProgress) -> tuple[str, ...]:
    """One rollout as a row; the columns are `HEADERS`."""
    state = standing.state
    words = {Attention.UNSEEN: "Unknown", Attention.REFUSED: "Refused"}
    status = words.get(standing.outlook, state.phase.value)
    return (
        str(standing.key),
        standing.strategy,
        status,
        standing.place or "-",
        standing.weight if standing.shifting else "-",
        standing.stable.hash if standing.stable else "-",
        state.target.hash if state.target else "-",
        out.brief(standing.message),
    )


HEADERS = ("rollout", "strategy", "phase", "step", "weight", "stable", "new", "message")


def document(standing: RolloutProgress, now: datetime) -> dict[str, Any]:
    """The rollout as JSON for scripts, without the machine's state."""
    status = standing.raw.get("status") or {}
    return {
        "namespace": standing.key.namespace,
        "name": standing.key.name,
        "application": str(standing.application) if standing.application else "",
        "workload": str(standing.workload),
        "strategy": standing.strategy,
        "outlook": standing.outlook.value,
        "message": standing.message,
        "waitsFor": standing.waits(now),
        "steps": [
            {"step": line.number, "does": line.text, "is": line.mark.name.lower()}
            for line in standing.lines(now)
            if line.number
        ],
        "next": [typed for typed, _ in standing.commands()],
        "status": {name: value for name, value in status.items() if name != "state"},
    }


def _headline(standing: RolloutProgress) -> Text:
    from rich.text import Text

    outlook = standing.outlook
    steps = f", step {standing.place.replace('/', ' of ')}" if standing.place else ""
    word = "rolling back" if outlook is Attention.ROLLED_BACK and standing.state.running else _WORDS[outlook]
    steps = ", promotion" if standing.steps and standing.state.promoting else steps
    return Text.assemble((str(standing.key), "bold"), f"  {standing.strategy}{steps}  ", (word, _STYLES[outlook]))


def _facts(standing: RolloutProgress, now: datetime) -> Iterator[Text]:
    state, spec = standing.state, standing.spec
    service = f", Service {spec.service}" if spec is not None and spec.service else ""
    yield _fact("Workload", f"{standing.workload.kind} {standing.workload.name}{service}{_split(standing)}")
    if standing.application is not None:
        yield _fact("Application", str(standing.application))
    yield _fact("Stable", _version(standing.stable))
    if state.promoted:
        yield _fact("Former", _version(state.stable))
    elif state.target is not None:
        yield _fact("Rejected" if state.phase is Phase.HELD else "New version", _version(state.target))
    if standing.shifting:
        yield _fact("Traffic", _traffic(standing, now))
    yield _fact("Status", standing.message)
    yield from (_fact("Note", str(note)) for note in (standing.raw.get("status") or {}).get("notes") or ())
    if waits := standing.waits(now):
        yield _fact("Waits for", "; ".join(waits))
    for number, held in enumerate((standing.raw.get("status") or {}).get("held") or ()):
        yield _fact("" if number else "Held back", str(held))
    if deadline := standing.deadline(now):
        yield _fact("Deadline", deadline)


def _fact(title: str, text: str) -> Text:
    from rich.text import Text

    return Text.assemble(f"{title + ':' if title else '':<{_TITLE_WIDTH}}", out.line(text))


def _split(standing: RolloutProgress) -> str:
    spec = standing.spec
    if spec is None or standing.strategy == "rolling":
        return ""
    if not spec.traffic.routes:
        return ", split by numbers of pods" if standing.strategy == "canary" else ""
    routes = ", ".join(f"{route.kind} {route.name}" for route in spec.traffic.routes)
    return f", split by {spec.traffic.provider}: {routes}"


def _version(version: Version | None) -> str:
    return f"{version.hash} at commit {short(version.commit)}" if version is not None else "nothing yet"


def _traffic(standing: RolloutProgress, now: datetime) -> str:
    traffic = standing.state.traffic
    text = share(traffic.want).replace(f"{traffic.want.weight} %", standing.weight, 1) + " to the new version"
    if traffic.want.none and traffic.verified:
        return text
    if traffic.verified and traffic.verified_at is not None:
        return f"{text}, in force for {span(now - traffic.verified_at)}"
    return f"{text}, not seen in force yet"


def _steps(lines: Sequence[Line]) -> list[RenderableType]:
    if not lines:
        return []
    from rich.text import Text

    rows = []
    for line in lines:
        style = _MARKS[line.mark]
        number = f"{line.number}" if line.number else ""
        bold = "bold" if line.mark in {Mark.NOW, Mark.PAUSED} else ""
        rows.append(
            (
                Text(f"  {line.mark}", style=style),
                Text(number),
                Text(out.line(line.text), style=bold),
                Text(out.line(line.note)),
            )
        )
    return [_grid(rows)]


def _pods(sides: Sequence[PodGroup]) -> list[RenderableType]:
    from rich.text import Text

    result: list[RenderableType] = []
    width = max((_ROLE_WIDTH, *(len(side.role) + 1 for side in sides)))
    for side in sides:
        full = side.there and side.available >= side.wanted
        count = f"{side.available} of {side.wanted} available" if side.there else "not there"
        if side.there and side.role == "new" and side.updated < side.wanted:
            # Pods of the former version are available as well.
            full, count = False, f"{side.updated} of {side.wanted} updated, {side.available} available"
        result.append(
            Text.assemble(
                (f"  {side.role:<{width}}", "bold"),
                f"{side.workload.name}  ",
                (count, "green" if full else "yellow"),
                f"  {side.version}  {', '.join(side.images)}".rstrip(),
            )
        )
        result += [
            _pod(pod.name, pod.images if pod.images != side.images else (), pod.health, pod.message) for pod in side.pods
        ]
    return result


def _pod(name: str, images: tuple[str, ...], health: str, message: str) -> Text:
    from rich.text import Text

    text = Text.assemble("    ", (f"{_HEALTH.get(health, '✖')} ", out.colour(health) or "yellow"), name)
    if health != "Healthy":
        text.append(f"  {out.line(message)}", style=out.colour(health))
    if images:
        text.append(f"  {out.line(', '.join(images))}", style="dim")
    return text


def _metrics(standing: RolloutProgress, measured: Iterable[dict[str, Any]]) -> RenderableType:
    from rich.text import Text

    limits = {declared.name: declared for declared in (standing.spec.analysis.metrics if standing.spec else ())}
    rows: list[tuple[Text, ...]] = [
        tuple(Text(f"  {title}" if not index else title, style="dim") for index, title in enumerate(_COLUMNS))
    ]
    for counter in measured:
        metric = limits.get(str(counter.get("metric")))
        last = [entry for entry in counter.get("measurements") or () if isinstance(entry, dict)][-_VALUES:]
        values = Text("  ").join(
            Text(
                out.line(str(entry.get("value") or entry.get("verdict") or "?")),
                style=_VERDICTS.get(str(entry.get("verdict")), ""),
            )
            for entry in reversed(last)
        )
        message = str(counter.get("message") or (last[-1].get("message") if last else "") or "")
        name = str(counter.get("metric")) + (" (dry run)" if counter.get("dryRun") else "")
        allowed = f", {metric.failure_limit} allowed" if metric is not None and not counter.get("dryRun") else ""
        rows.append(
            (
                Text(f"  {name}"),
                Text(f"{counter.get('samples', 0)}" + (f" of {metric.samples}" if metric is not None else "")),
                Text(str(counter.get("succeeded", 0)), style="green" if counter.get("succeeded") else ""),
                Text(f"{counter.get('failed', 0)}{allowed}", style="red" if counter.get("failed") else ""),
                Text(str(counter.get("inconclusive", 0)), style="yellow" if counter.get("inconclusive") else ""),
                Text(str(counter.get("errors", 0)), style="yellow" if counter.get("errors") else ""),
                values,
                Text(out.line(message)),
            )
        )
    header, *body = rows
    return lay_out(header, body, out.console().width)


_COLUMNS = ("metric", "samples", "passed", "failed", "undecided", "errors", "last values, newest first", "")
_VALUES = 5


def _rejected(standing: RolloutProgress) -> RenderableType:
    from rich.text import Text

    return _grid(
        (
            Text(f"  {rejection.hash}"),
            Text(short(rejection.commit)),
            Text(f"{rejection.at:%Y-%m-%d %H:%M:%S} UTC"),
            Text(out.line(rejection.reason)),
        )
        for rejection in reversed(standing.state.rejected)
    )


def _grid(rows: Iterable[Sequence[Text]]) -> RenderableType:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    for cells in rows:
        grid.add_row(*cells)
    return grid
