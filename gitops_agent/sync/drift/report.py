"""Reports drift by field: path, declared and live value, manager, time.

The decision that an object drifted is a comparison of two hashes; this report is made only for objects where they differ.
Values of Secrets are shown masked, with one numbering for both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.edits import foreign_fields
from gitops_agent.manifest.field_report import FieldChange, field_changes
from gitops_agent.manifest.fields import desired_form, normal, step
from gitops_agent.manifest.generated import blanked
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import FIELD_MANAGER
from gitops_agent.manifest.masking import masked_pair
from gitops_agent.manifest.merge_keys import ABSENT, resolve
from gitops_agent.manifest.pointer import field_path, parse, pointer
from gitops_agent.observe.redaction import scrub

_SHOWN = 50
"""Changes of one object in a report; the rest is counted."""
_LINE = 80
_CONFIGURATION = (("data",), ("binaryData",), ("stringData",))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDrift:
    """One field that is not as declared.

    Attributes:
        path: a JSON pointer; items of lists by their merge key where they have one.
        declared: the value in Git (masked in a Secret), `ABSENT` where it has none.
        found: the live value (masked in a Secret), `ABSENT` where there is none.
        manager: the field manager that wrote it, empty where the field has no owner now (it was removed).
        time: when it wrote last, RFC 3339, or empty.
    """

    path: str
    declared: Any
    found: Any
    manager: str = ""
    time: str = ""

    @property
    def field(self) -> str:
        """The path as people write it: `spec.template.spec.containers[web].image`."""
        return field_path(self.path)

    def __str__(self) -> str:
        by = f" by {self.manager}" if self.manager else ""
        at = f" at {self.time}" if self.time else ""
        return f"{self.field}: {self._change()}{by}{at}"

    def _change(self) -> str:
        """What happened, for texts that leave the cluster.

        Configuration of programs is not quoted: it may hold a password. `diff` shows it.
        """
        steps = parse(self.path)
        if (
            steps[:1] in _CONFIGURATION
            or "env" in steps
            or isinstance(self.declared, dict | list)
            or isinstance(self.found, dict | list)
        ):
            return "was added" if self.declared is ABSENT else "was removed" if self.found is ABSENT else "was changed"
        name = steps[-1] if steps else ""
        return f"{_short(self.declared, name)} became {_short(self.found, name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The fields of one object that are not as declared.

    Attributes:
        changes: at most fifty, in the order of the manifest.
        more: the number of changes beyond those.
        missing: the object does not exist, or was not kept for comparison.
    """

    changes: tuple[FieldDrift, ...] = ()
    more: int = 0
    missing: bool = False

    @property
    def managers(self) -> tuple[str, ...]:
        """The field managers that wrote, each once."""
        return tuple(dict.fromkeys(change.manager for change in self.changes if change.manager))

    def __str__(self) -> str:
        text = "; ".join(str(change) for change in self.changes[:3])
        rest = len(self.changes) + self.more - 3
        return text + (f"; and {rest} more" if rest > 0 else "")


def describe(manifest: Manifest, live: Object | None) -> DriftReport:
    """Compares a declared object with the live one, which is not changed.

    Additions by people are part of the report. A value that is only spelled differently is drift where another manager wrote
    it: ownership decides that, not the value.
    """
    if live is None:
        return DriftReport(missing=True)
    declared, shown = masked_pair(manifest.constant, blanked(live, manifest.generated))
    drifts = [
        FieldDrift(
            path=change.path,
            declared=resolve(declared, change.path),
            found=resolve(shown, change.path),
            **_writer(live, change.path),
        )
        for change in field_changes(desired_form(manifest.constant), normal(blanked(live, manifest.generated)), spelling=True)
        if change.old is not ABSENT and not _respelled(change, manifest.obj, live)
    ]
    paths = [drift.path for drift in drifts]
    for edit in foreign_fields(live):
        if not any(path == edit.path or path.startswith(edit.path + "/") for path in paths):
            value = resolve(shown, edit.path)
            drifts.append(FieldDrift(path=edit.path, declared=ABSENT, found=value, manager=edit.manager, time=edit.time))
    return DriftReport(changes=tuple(drifts[:_SHOWN]), more=max(0, len(drifts) - _SHOWN))


def declared_changes(manifest: Manifest, live: Object) -> tuple[FieldChange, ...]:
    """What declared fields would change in a live object."""
    declared, shown = masked_pair(manifest.constant, blanked(live, manifest.generated))
    changes = field_changes(desired_form(manifest.constant), normal(blanked(live, manifest.generated)))
    pairs = ((each.path, resolve(shown, each.path), resolve(declared, each.path)) for each in changes if each.old is not ABSENT)
    return tuple(FieldChange(path, old, new) for path, old, new in pairs if new or old is not ABSENT)


def _respelled(change: FieldChange, declared: Object, live: Object) -> bool:
    """Whether only the spelling differs.

    A writer that changes a value of ours takes the field over.
    """
    value = resolve(live, change.path)
    if value is ABSENT:
        # The server drops what is empty; an empty list of items with keys is not even owned.
        return not resolve(declared, change.path) and not any(owners(live, change.path))
    return any(entry.get("manager") == FIELD_MANAGER for entry in owners(live, change.path))


def _writer(live: Object, path: str) -> dict[str, str]:
    """The last other manager that owns the path, and its time."""
    others = (
        entry for entry in owners(live, path) if entry.get("manager") != FIELD_MANAGER or entry.get("operation") != "Apply"
    )
    last = max(others, key=lambda entry: str(entry.get("time") or ""), default=None)
    return {"manager": str(last.get("manager") or ""), "time": str(last.get("time") or "")} if last else {}


def owners(live: Object, path: str) -> Iterator[Object]:
    """The managedFields entries that own the path, its children or parents.

    Args:
        live: the object.
        path: JSON pointer; items of lists by their merge keys.
    """
    steps = parse(path)
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        fields = entry.get("fieldsV1")
        if isinstance(fields, dict) and _reaches(fields, live, steps):
            yield entry


def _reaches(fields: Object, live: Any, steps: tuple[str, ...]) -> bool:
    if not steps or not fields:
        return True
    for element, below in fields.items():
        position = step(element, live)
        if position is None:
            continue
        if str(position) == steps[0] or (isinstance(position, int) and resolve(live, pointer(steps[0])) == live[position]):
            return _reaches(below, live[position], steps[1:])
    return False


def _short(value: Any, name: str) -> str:
    if value is ABSENT:
        return "nothing"
    text = scrub(f"{name}={value}").partition("=")[2]
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"
