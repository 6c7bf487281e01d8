"""Reads texts, annotations and conditions of raw objects for the health rules.

Like `manifest.reading`, each accessor returns a value of the promised type for whatever it is given, so no rule raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.sync.health.status import MESSAGE_LIMIT


def text(value: Any) -> str:
    """The text as one line of at most 300 characters, else empty."""
    if not isinstance(value, str):
        return ""
    line = " ".join(value[: 4 * MESSAGE_LIMIT].split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def notes(obj: Object) -> Object:
    """The annotations of an object."""
    return mapping(obj, "metadata", "annotations")


@dataclass(frozen=True, slots=True)
class Condition:
    """An entry of `status.conditions`; `value` is the status, empty when absent."""

    value: str = ""
    reason: str = ""
    message: str = ""

    def said(self, otherwise: str) -> str:
        """The condition's message, else its reason, else the default."""
        return self.message or self.reason or otherwise


class Conditions:
    """The conditions of an object, by type.

    A condition that carries an `observedGeneration` older than the object (Gateway API does this per condition) speaks of an
    earlier spec and is left out.
    """

    def __init__(self, raw: Any, *, generation: int = 0) -> None:
        self._by_type: dict[str, Condition] = {}
        for entry in items(raw):
            observed = number(entry.get("observedGeneration"))
            if observed and generation and observed < generation:
                continue
            value = entry.get("status")
            value = str(value) if isinstance(value, str | bool) else ""
            self._by_type[text(entry.get("type"))] = Condition(value, text(entry.get("reason")), text(entry.get("message")))

    @classmethod
    def of(cls, obj: Object) -> Conditions:
        """The conditions in the status of an object."""
        return cls(mapping(obj, "status").get("conditions"), generation=generation(obj))

    def __getitem__(self, kind: str) -> Condition:
        return self._by_type.get(kind, _ABSENT)

    def __contains__(self, kind: str) -> bool:
        return kind in self._by_type

    def __bool__(self) -> bool:
        return bool(self._by_type)

    def true(self, kind: str) -> bool:
        """Whether the condition is there and True."""
        return self[kind].value == "True"

    def false(self, kind: str) -> bool:
        """Whether the condition is there and False."""
        return self[kind].value == "False"


_ABSENT = Condition()


def generation(obj: Object) -> int:
    """`metadata.generation`; 0 for kinds that do not count."""
    return number(mapping(obj, "metadata").get("generation"))


def observed(obj: Object) -> int:
    """`status.observedGeneration`; 0 when the controller has not said."""
    return number(mapping(obj, "status").get("observedGeneration"))
