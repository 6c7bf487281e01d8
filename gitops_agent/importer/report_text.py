"""The report of an import as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gitops_agent.importer import handover
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.report import FieldReport, ObjectReport
from gitops_agent.importer.result import ImportResult, file_name
from gitops_agent.manifest.key import ObjectKey

_TOOLS = {"argo": "Argo CD", "flux": "Flux"}
_LOST = (Meaning.NONE, Meaning.UNKNOWN)


def summary(result: ImportResult) -> str:
    """One line about the whole."""
    parts = [f"{_counted(len(result.reports), 'object')} of {_TOOLS[result.tool]} read"]
    parts.append(f"{_counted(len(result.resources), 'resource')} written")
    if result.waiting:
        parts.append(f"{len(result.waiting)} that this version of the agent refuses")
    if result.left:
        parts.append(f"{_counted(len(result.left), 'object')} without an equivalent")
    lost = sum(len(report.with_meaning(*_LOST)) for report in result.reports)
    parts.append(f"{_counted(lost, 'field')} without an equivalent" if lost else "every field has an equivalent")
    return ", ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def as_json(result: ImportResult) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "tool": result.tool,
        "objects": [_object(report) for report in result.reports],
        "copies": [
            {"kind": copy.kind, "namespace": copy.namespace, "name": copy.name, "to": copy.to, "newName": copy.new_name}
            for copy in result.copies
        ],
        "complete": result.complete,
    }


def as_markdown(result: ImportResult) -> str:
    """The report for people: what is lost first, then every field."""
    tool = _TOOLS[result.tool]
    return "\n\n".join([f"# Import from {tool}", f"{summary(result)}.", *_sections(result)]) + "\n"


def _sections(result: ImportResult) -> Iterator[str]:
    if result.left:
        rows = [(_code(report.source), "; ".join(report.reasons)) for report in result.left]
        yield from ("## Objects without an equivalent", _table(("Object", "Reason"), rows))
    problems = [
        (name, problem) for report in result.reports for name, several in report.problems.items() for problem in several
    ]
    if problems:
        refusals = [(_code(name), _code(problem.path), problem.message) for name, problem in problems]
        yield "## What this version of the agent refuses"
        yield "These resources are written to `waiting`, suspended."
        yield _table(("Resource", "Field", "Problem"), refusals)
    lost = [(report, field) for report in result.reports for field in report.with_meaning(*_LOST)]
    if lost:
        losses = [(_code(report.source), _code(field.theirs), field.note) for report, field in lost]
        yield from ("## Fields without an equivalent", _table(("Object", "Field", "Instead"), losses))
    if result.copies:
        copies = [
            (copy.kind, _code(f"{copy.namespace}/{copy.name}"), _code(f"{copy.to}/{copy.new_name}")) for copy in result.copies
        ]
        yield "## Secrets and ConfigMaps to copy"
        yield "Applications read them beside themselves; `--with-secrets` writes copies."
        yield _table(("Kind", "From", "To"), copies)
    if result.manifests or result.settings:
        yield "## Beside the resources"
        yield "Declare these manifests in Git, and put `settings.yaml` into the configuration of the agent."
        rows = [
            (_code(f"manifests/{file_name(manifest)}.yaml"), _code(ObjectKey.of(manifest))) for manifest in result.manifests
        ]
        rows += [
            ("`settings.yaml`", _code(f"{section}.{name}")) for section, fields in result.settings.items() for name in fields
        ]
        yield _table(("File", "What"), rows)
    yield from _handover(result)
    yield "## Every field"
    for object_report in result.reports:
        yield from _fields(object_report)


def _handover(result: ImportResult) -> Iterator[str]:
    blocks = [(conversion, handover.steps(conversion)) for conversion in handover.in_order(result.conversions)]
    if not blocks:
        return
    yield "## Take over"
    yield (
        "Apply the written resources first: they observe, and `gitops-agent diff` shows what would change. "
        "Then run these commands in this order, one object at a time, each when the one before succeeded."
    )
    parents = dict.fromkeys(parent for conversion, _ in blocks if (parent := handover.parent_of(conversion.source)))
    if parents:
        yield "Before all others, what declares these objects must not start them again:"
        yield _shell(parents)
    for converted, several in blocks:
        yield f"### {_code(ObjectKey.of(converted.source))}"
        yield _shell(f"{step.command}  # {step.effect}" for step in several)


def _fields(report: ObjectReport) -> Iterator[str]:
    yield f"### {_code(report.source)} becomes {', '.join(_code(resource) for resource in report.resources) or 'no resource'}"
    rows = [(_code(field.theirs), _ours(field), field.meaning.value, field.note) for field in report.fields]
    if rows:
        yield _table(("Field", "Ours", "Meaning", "Note"), rows)


def _ours(field: FieldReport) -> str:
    return ", ".join(map(_code, field.ours.split(", "))) if field.ours.startswith(("spec.", "metadata.")) else field.ours


def _object(report: ObjectReport) -> dict[str, Any]:
    return {
        "source": str(report.source),
        "resources": [str(resource) for resource in report.resources],
        "mode": report.mode,
        "fields": [
            {"field": field.theirs, "ours": field.ours, "meaning": field.meaning.value, "note": field.note}
            for field in report.fields
        ],
        "problems": [
            {"resource": name, "field": problem.path, "message": problem.message}
            for name, several in report.problems.items()
            for problem in several
        ],
    }


def _shell(commands: Iterable[str]) -> str:
    return "\n".join(("```shell", *commands, "```"))


def _code(value: object) -> str:
    return f"`{value}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines)
