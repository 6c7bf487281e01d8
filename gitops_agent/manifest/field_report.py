"""Reports the differing fields of two manifests: path, old, new value.

This is the door to DeepDiff. Whether objects differ at all is decided by digests (`manifest.canonical`); a report is made for
people, of objects that are known to differ: 15 to 60 ms for a Deployment of 500 lines.

Decision: DeepDiff walks maps and lists and matches the items of lists (`iterable_compare_func`, by `manifest.merge_keys`). What
it would do differently is decided in its own place for that, a custom operator: equal parts are passed over, amounts are
compared by value, `true` is not 1, texts are not diffed by line, and a part beyond the bounds is reported as one change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitops_agent.manifest.canonical import canonical
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.masking import masked_pair
from gitops_agent.manifest.merge_keys import ABSENT, MergeKey, label, merge_key
from gitops_agent.manifest.pointer import field_path, pointer
from gitops_agent.manifest.quantities import same_amount

if TYPE_CHECKING:
    from deepdiff.diff import DeepDiff
    from deepdiff.model import ChildRelationship, DiffLevel

_DEEPEST = 64
"""Levels below the root that are looked into; OpenAPI schemas in CRDs have up to 50."""
_MOST_VALUES = 20_000
"""The maximum of compared values; beyond it the rest is reported as a whole."""
_MOST_PAIRS = 250_000
"""Pairs of items that may be tried to match two lists: 500 items on each side."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference.

    Attributes:
        path: a JSON pointer; items with a merge key stand as `[name=web]` in it, others by their position.
        old: the value before, or `ABSENT`.
        new: the value after, or `ABSENT`.
    """

    path: str
    old: Any
    new: Any

    @property
    def field(self) -> str:
        """The path as people write it: `spec.template.spec.containers[web].image`."""
        return field_path(self.path)


def object_changes(old: Object, new: Object) -> tuple[FieldChange, ...]:
    """The differences of two objects, in which values of Secrets are masked."""
    return field_changes(*masked_pair(old, new))


def field_changes(old: Any, new: Any, *, spelling: bool = False) -> tuple[FieldChange, ...]:
    """The outermost differences of two JSON values.

    In the order of the old one, then of what is new.

    Args:
        old: the value before.
        new: the value after.
        spelling: whether an amount that is only spelled differently (`1000m`, `1`) is a difference too.
    """
    from deepdiff import DeepDiff

    lists = _Lists()
    difference = DeepDiff(
        old,
        new,
        view="tree",
        iterable_compare_func=lists.match,
        custom_operators=[_Values(lists, spelling=spelling)],
        threshold_to_diff_deeper=0,
        ignore_private_variables=False,
        report_repetition=True,
    )
    changes: dict[tuple[str, ...], tuple[tuple[int, ...], FieldChange]] = {}
    for report, levels in difference.tree.items():
        for level in levels:
            moved = report == "iterable_item_moved"
            rank, steps = lists.place(level.up if moved else level)
            change = lists.order(level.up) if moved else (_given(level.t1), _given(level.t2))
            if change is not None:
                changes[(report if moved else "", *steps)] = rank, FieldChange(pointer(*steps), *change)
    return tuple(change for _, change in sorted(changes.values(), key=lambda ranked: ranked[0]))


class _Lists:
    """The matching of lists in a comparison, and their positions."""

    def __init__(self) -> None:
        self._keys: dict[tuple[int, int], MergeKey | None] = {}
        self._ranks: dict[tuple[int, int], dict[str, int]] = {}

    def match(self, old: Any, new: Any, level: DiffLevel) -> bool:
        """Whether two items are versions of one.

        DeepDiff calls it for the pairs of every list.
        """
        from deepdiff.helper import CannotCompare

        names = self.key(level)
        if names is None:
            raise CannotCompare
        return label(names, old) == label(names, new)

    def key(self, level: DiffLevel) -> MergeKey | None:
        """The merge key of the lists at a level."""
        pair = (id(level.t1), id(level.t2))
        if pair not in self._keys:
            above = level.up
            self._keys[pair] = merge_key(str(_below(above).param) if above else "", level.t1, level.t2)
        return self._keys[pair]

    def order(self, level: DiffLevel) -> tuple[list[str], list[str]] | None:
        """Labels of both sides if items only moved, else None."""
        names = self.key(level)
        if names is None:
            return None
        old, new = ([label(names, item) for item in items] for items in (level.t1, level.t2))
        return (old, new) if sorted(old) == sorted(new) else None

    def place(self, level: DiffLevel) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The rank of a level in the report, and its path."""
        rank: list[int] = []
        steps: list[str] = []
        while (above := level.up) is not None:
            step = self._step(above)
            rank.append(self._rank(above)[step])
            steps.append(step)
            level = above
        return tuple(reversed(rank)), tuple(reversed(steps))

    def _step(self, level: DiffLevel) -> str:
        below = _below(level)
        names = None if isinstance(level.t1, dict) else self.key(level)
        return str(below.param) if names is None else label(names, below.child)

    def _rank(self, level: DiffLevel) -> dict[str, int]:
        pair = (id(level.t1), id(level.t2))
        if pair not in self._ranks:
            self._ranks[pair] = {step: rank for rank, step in enumerate(dict.fromkeys(self._steps(level)))}
        return self._ranks[pair]

    def _steps(self, level: DiffLevel) -> Iterator[str]:
        names = None if isinstance(level.t1, dict) else self.key(level)
        for side in (level.t1, level.t2):
            if isinstance(side, dict):
                yield from side
            elif names is None:
                yield from map(str, range(len(side)))
            else:
                yield from (label(names, item) for item in side)


class _Values:
    """DeepDiff's operator for everything that is not a part to look into."""

    def __init__(self, lists: _Lists, *, spelling: bool) -> None:
        self._lists = lists
        self._spelling = spelling
        self._seen = 0

    def match(self, level: DiffLevel) -> bool:
        """Every pair of values is decided here first."""
        del level
        self._seen += 1
        return True

    def give_up_diffing(self, level: DiffLevel, diff_instance: DeepDiff) -> bool:
        """Whether the pair needs no look inside; reports it when it differs."""
        old, new = level.t1, level.t2
        if _same(old, new):
            return True
        if (isinstance(old, dict) and isinstance(new, dict)) or (isinstance(old, list) and isinstance(new, list)):
            if self._bounded(level, old, new):
                return False
        elif not self._spelling and isinstance(old, str | int | float) and same_amount(self._lists.place(level)[1], old, new):
            return True
        diff_instance.custom_report_result("values_changed", level)  # type: ignore[no-untyped-call]
        return True

    def normalize_value_for_hashing(self, parent: Any, obj: Any) -> Any:
        """The value itself: DeepDiff hashes the items it has matched."""
        del parent
        return obj

    def _bounded(self, level: DiffLevel, old: Sized, new: Sized) -> bool:
        depth = 0
        while (above := level.up) is not None:
            depth, level = depth + 1, above
        pairs = len(old) * len(new) if isinstance(old, list) else 0
        return depth < _DEEPEST and self._seen < _MOST_VALUES and pairs <= _MOST_PAIRS


def _below(level: DiffLevel) -> ChildRelationship:
    """The key or position of the next level, and its value."""
    below = level.t1_child_rel or level.t2_child_rel
    assert below is not None  # noqa: S101 - for the type checker: a level was reached through its parent
    return below


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, dict | list) and isinstance(new, dict | list):
        return canonical(old) == canonical(new)
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _given(value: Any) -> Any:
    from deepdiff.helper import notpresent

    return ABSENT if value is notpresent else value
