"""What exactly drifted: the paths, what was declared and what stands there, who wrote it and when.

The decision that something drifted is a comparison of two hashes; this report is made only for objects where it said so. Values
of Secrets never enter it: they are masked, by position, before anything is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.changes import ABSENT, Change, changes, resolve
from gitops_agent.manifest.edits import foreign_fields
from gitops_agent.manifest.fields import desired_form, normal, step
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import FIELD_MANAGER
from gitops_agent.manifest.masking import masked, masked_pair

_SHOWN = 50
"""Changes of one object in a report; more say nothing more."""
_RENDERED_BYTES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDrift:
    """One field that is not as declared.

    Attributes:
        path: a JSON pointer; items of lists by name where they have one.
        declared: what Git says (masked in a Secret), `ABSENT` where it says nothing.
        found: what stands there (masked in a Secret), `ABSENT` where nothing does.
        manager: the field manager that wrote it, empty where nobody owns it now (it was removed).
        time: when it wrote last, RFC 3339, or empty.
    """

    path: str
    declared: Any
    found: Any
    manager: str = ""
    time: str = ""

    def __str__(self) -> str:
        by = f" by {self.manager}" if self.manager else ""
        at = f" at {self.time}" if self.time else ""
        return f"{self.path}: {_short(self.declared)} became {_short(self.found)}{by}{at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Everything of one object that is not as declared.

    Attributes:
        changes: by path, at most fifty.
        more: how many there are beyond that.
        missing: the object is not there at all, or was not kept for comparison.
    """

    changes: tuple[FieldDrift, ...] = ()
    more: int = 0
    missing: bool = False

    @property
    def managers(self) -> tuple[str, ...]:
        """Who wrote, each once."""
        return tuple(dict.fromkeys(change.manager for change in self.changes if change.manager))

    def __str__(self) -> str:
        text = "; ".join(str(change) for change in self.changes[:3])
        rest = len(self.changes) + self.more - 3
        return text + (f"; and {rest} more" if rest > 0 else "")


def describe(manifest: Manifest, live: Object | None) -> DriftReport:
    """What of a declared object is not so in the live one; `live` is not changed.

    Fields that the server respells or completes are part of it (they are different text), so ask only for objects whose
    projection left its baseline. Additions of people are part of it too.
    """
    if live is None:
        return DriftReport(missing=True)
    declared, shown = masked_pair(manifest.obj, live)
    found = [
        FieldDrift(
            path=change.path,
            declared=resolve(declared, change.path),
            found=resolve(shown, change.path),
            **_writer(live, change.path),
        )
        for change in changes(desired_form(manifest.obj), normal(live))
        if change.old is not ABSENT and not _respelled(change, manifest.obj, live)
    ]
    known = [drift.path for drift in found]
    for edit in foreign_fields(live):
        if not any(path == edit.path or path.startswith(edit.path + "/") for path in known):
            value = resolve(shown, edit.path)
            found.append(FieldDrift(path=edit.path, declared=ABSENT, found=value, manager=edit.manager, time=edit.time))
    return DriftReport(changes=tuple(found[:_SHOWN]), more=max(0, len(found) - _SHOWN))


def rendered(old: Object, new: Object) -> str:
    """A readable, capped account of all differences between two objects, for people; Secrets are masked first."""
    from deepdiff import DeepDiff

    left, right = masked_pair(old, new)
    if left == right:
        return ""
    difference = DeepDiff(left, right, verbose_level=2, threshold_to_diff_deeper=0, max_diffs=100_000)
    text = str(difference.pretty())
    return text if len(text) <= _RENDERED_BYTES else text[:_RENDERED_BYTES] + "\n…"


def _respelled(change: Change, declared: Object, live: Object) -> bool:
    """Whether the text differs though nobody changed it: whoever changes a value of ours takes the field over."""
    value = resolve(live, change.path)
    if value is ABSENT:
        # The server drops what is empty; an empty list of items with keys is not even owned.
        return not resolve(declared, change.path) and not any(_owners(live, change.path))
    return any(entry.get("manager") == FIELD_MANAGER for entry in _owners(live, change.path))


def _writer(live: Object, path: str) -> dict[str, str]:
    """The last of the other managers that own the path, and when it wrote."""
    others = (one for one in _owners(live, path) if one.get("manager") != FIELD_MANAGER or one.get("operation") != "Apply")
    last = max(others, key=lambda entry: str(entry.get("time") or ""), default=None)
    return {"manager": str(last.get("manager") or ""), "time": str(last.get("time") or "")} if last else {}


def _owners(live: Object, path: str) -> Iterator[Object]:
    """The managedFields entries that own something at or below the path, or own a part that contains it."""
    steps = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        fields = entry.get("fieldsV1")
        if isinstance(fields, dict) and _reaches(fields, live, steps):
            yield entry


def _reaches(fields: Object, live: Any, steps: list[str]) -> bool:
    if not steps or not fields:
        return True
    for element, below in fields.items():
        place = step(element, live)
        if place is None:
            continue
        if str(place) == steps[0] or (
            isinstance(place, int) and resolve(live, "/" + steps[0].replace("/", "~1")) == live[place]
        ):
            return _reaches(below, live[place], steps[1:])
    return False


def _short(value: Any) -> str:
    text = "nothing" if value is ABSENT else str(masked(value) if isinstance(value, dict) else value)
    return text if len(text) <= 80 else text[:79] + "…"  # noqa: PLR2004 - one line
