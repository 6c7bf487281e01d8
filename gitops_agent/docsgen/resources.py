"""Writes reference pages of resources, reasons and settings.

Usage: `python -m gitops_agent.docsgen.resources DIRECTORY`.

They are committed for readers, and a test fails when they are stale, so a field, a reason or a setting has one description.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from gitops_agent.api.crd import crds
from gitops_agent.api.durations import PATTERN as DURATION
from gitops_agent.api.reasons import REASONS
from gitops_agent.config.settings import sections, variable
from gitops_agent.importer.tables.all_tables import ARGO_TABLES, FLUX_TABLES
from gitops_agent.manifest.key import Object

_NOTE = "<!-- Made by `python -m gitops_agent.docsgen.resources`; change the code instead. -->"


def pages() -> dict[str, str]:
    """The pages: name to content."""
    kinds = {f"{crd['spec']['names']['singular']}.md": _kind(crd) for crd in crds()}
    return kinds | {"reasons.md": _reasons(), "configuration.md": _configuration(), "import.md": _import()}


def write(directory: Path) -> None:
    """Writes every page into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text)


def _kind(crd: Object) -> str:
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    rules = [f"- {_code(path)}: {rule['message']}" for path, rule in _rules(spec, "spec")]
    return _page(
        names["kind"],
        schema["description"],
        f"`apiVersion: {crd['spec']['group']}/{version['name']}`, short name {' or '.join(map(_code, names['shortNames']))}. "
        "A field in bold is required where its parent is given.",
        "## spec",
        _table(("Field", "Type", "Default", "Meaning"), _fields(spec, "")),
        "Beside types and bounds, the API server checks these rules and answers with their text:",
        "\n".join(rules),
        "## status",
        _table(("Field", "Type", "Meaning"), ((name, kind, text) for name, kind, _, text in _fields(status, ""))),
    )


def _fields(schema: Object, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Rows for all nested fields: path, type, default, meaning."""
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        default = _default(field["default"]) if field.get("default") not in (None, {}) else ""
        marked = f"**{_code(path)}**" if name in schema.get("required", ()) else _code(path)
        yield marked, _type(field), default, field.get("description", "")
        yield from _fields(field.get("items", field), f"{path}[]." if "items" in field else f"{path}.")


def _rules(schema: Object, path: str) -> Iterator[tuple[str, Object]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule
    for name, field in schema.get("properties", {}).items():
        yield from _rules(field.get("items", field), f"{path}.{name}" + ("[]" if "items" in field else ""))


def _type(field: Object) -> str:
    if "enum" in field:
        return ", ".join(_code(value) for value in field["enum"])
    if field.get("pattern") == DURATION:
        lowest, highest = re.findall(r"'([0-9a-z]+)'\)", field["x-kubernetes-validations"][0]["rule"])
        return f"duration, `{lowest}` to `{highest}`"
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    if field.get("x-kubernetes-preserve-unknown-fields"):
        return "any object" if "type" in field else "any value"
    bounds = f" {field['minimum']} to {field['maximum']}" if "maximum" in field else ""
    return str(field.get("format", field["type"])) + bounds


def _reasons() -> str:
    rows = ((_code(reason.code), reason.meaning, reason.remedy) for reason in sorted(REASONS.values(), key=lambda r: r.code))
    return _page(
        "Reasons",
        "The codes that conditions, events, errors and notifications carry. A code keeps its meaning; new ones may come.",
        _table(("Code", "Meaning", "Remedy"), rows),
    )


def _configuration() -> str:
    parts = []
    for section, model in sections().items():
        rows = [
            (_code(path), _code(variable(path)), _setting_default(field.get_default()), field.description or "")
            for path, field in ((f"{section}.{field.alias}", field) for field in model.model_fields.values())
        ]
        parts += [f"## {section}", model.__doc__ or "", _table(("Setting", "Environment", "Default", "Meaning"), rows)]
    return _page(
        "Configuration",
        "The agent reads `/etc/gitops-agent/config.yaml`, then the environment, then flags (`--set source.allowFile=true`); "
        "later ones win. `gitops-agent config show` prints the effective values and where each came from. "
        "A name that does not exist is an error.",
        *parts,
    )


_IMPORT = """\
What `gitops-agent import argo` and `import flux` make of every field of every kind, printed from the tables they work by.
A field without an equivalent is in the report of the import by name, and so is one that is in no table here."""
_TOOLS = {"Argo CD": ARGO_TABLES, "Flux": FLUX_TABLES}


def _import() -> str:
    parts = [_IMPORT]
    for tool, tables in _TOOLS.items():
        for table in tables:
            rows = ((_code(row.theirs), _listed(row.ours), row.meaning.value, row.note) for row in table.rows)
            parts += [f"## {table.kind.kind} of {tool}", _table(("Field", "Ours", "Meaning", "Note"), rows)]
    return _page("Import", *parts)


def _listed(fields: str) -> str:
    return ", ".join(map(_code, fields.split(", "))) if fields.startswith(("spec.", "metadata.")) else fields


def _setting_default(value: Any) -> str:
    return "" if value is None or value is PydanticUndefined else _default(value)


def _default(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_code(item) for item in value)
    return _code(str(value).lower() if isinstance(value, bool) else value)


def _code(value: object) -> str:
    return f"`{value}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _NOTE, *(part for part in parts if part)]) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
