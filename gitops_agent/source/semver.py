"""Versions and ranges in the dialect of Helm and Flux.

That is Masterminds/semver 3.

`parse` turns a range into alternatives of comparators. Tags are read strictly (`1.2.3` or `v1.2.3`), because a lenient
reading makes version 20240101 out of a tag that is a date. Prereleases are candidates only for alternatives that name one
themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gitops_agent.errors import SourceError

_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_NUMBER = r"0|[1-9][0-9]{0,17}"
_VERSION = re.compile(rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?\Z")
_PART = rf"(?:{_NUMBER}|[xX*])"
_BOUND = rf"v?(?:{_PART})(?:\.(?:{_PART}))?(?:\.(?:{_PART})(?:-(?:{_IDENTIFIERS}))?)?(?:\+(?:{_IDENTIFIERS}))?"
_BOUND_PARTS = re.compile(rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART})(?:-({_IDENTIFIERS}))?)?(?:\+{_IDENTIFIERS})?\Z")
_COMPARATOR = re.compile(rf"\s*+,?+\s*+(=<|=>|>=|<=|!=|~>|=|>|<|~|\^|)\s*+({_BOUND})(?=[\s,]|\Z)")
_HYPHEN = re.compile(rf"(?:^|(?<=[\s,]))({_BOUND})\s+-\s+({_BOUND})(?=[\s,]|\Z)")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; `<` is its precedence, without build metadata."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """The version a text such as `v1.2.3-rc.1` is, or None."""
        match = _VERSION.match(text)
        if match is None:
            return None
        prerelease = tuple(match[4].split(".")) if match[4] else ()
        if any(_is_number(part) and len(part) > 1 and part[0] == "0" for part in prerelease):
            return None
        return cls(int(match[1]), int(match[2]), int(match[3]), prerelease, tuple(match[5].split(".")) if match[5] else ())

    @property
    def triple(self) -> tuple[int, int, int]:
        """Major, minor and patch."""
        return self.major, self.minor, self.patch

    @property
    def precedence(self) -> tuple[object, ...]:
        """Sort key: a release after its prereleases, numbers before words."""
        return (*self.triple, not self.prerelease, _order(self.prerelease))

    def __lt__(self, other: Version) -> bool:
        return self.precedence < other.precedence

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += "-" + ".".join(self.prerelease)
        return text + ("+" + ".".join(self.build) if self.build else "")


@dataclass(frozen=True, slots=True)
class _Bound:
    """The version beside an operator.

    `precision` says how many of its three numbers were written and were no wildcards.
    """

    version: Version
    precision: int

    def agrees(self, version: Version, numbers: int) -> bool:
        return version.triple[:numbers] == self.version.triple[:numbers]


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives (`||`) of comparators that hold together (spaces or commas)."""

    text: str
    _groups: tuple[tuple[tuple[str, _Bound], ...], ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Range:
        """Reads a range.

        Raises:
            SourceError: reason `InvalidSpec`, naming the part that cannot be read.
        """
        if len(text) > _LONGEST:
            raise SourceError(f"a version range is at most {_LONGEST} characters long", reason="InvalidSpec")
        return cls(text, tuple(_group(part, text) for part in text.split("||")))

    def __contains__(self, version: Version) -> bool:
        return any(_allows(group, version) for group in self._groups)

    def select(self, names: Iterable[str]) -> str | None:
        """The name with the highest version in range, or None.

        Of equals the later build metadata, then name, wins.
        """
        candidates = ((version, name) for name in names if (version := Version.parse(name)) is not None and version in self)
        best = max(candidates, key=lambda pair: (pair[0].precedence, _order(pair[0].build), pair[1]), default=None)
        return best[1] if best else None


def _group(part: str, whole: str) -> tuple[tuple[str, _Bound], ...]:
    rewritten = _HYPHEN.sub(r">=\1 <=\2", part).strip()
    comparators: list[tuple[str, _Bound]] = []
    position = 0
    while position < len(rewritten):
        match = _COMPARATOR.match(rewritten, position)
        bound = _bound(match[2]) if match else None
        if match is None or bound is None:
            raise SourceError(
                f"{whole[:120]!r} is not a version range: cannot read {rewritten[position:][:40].strip()!r}",
                reason="InvalidSpec",
            )
        comparators.append((match[1], bound))
        position = match.end()
    if not comparators:
        raise SourceError(
            f"{whole[:120]!r} is not a version range: an alternative is empty; `*` allows every release", reason="InvalidSpec"
        )
    return tuple(comparators)


def _bound(text: str) -> _Bound | None:
    match = _BOUND_PARTS.match(text)
    if match is None:
        return None
    numbers: list[int] = []
    for part in match.groups()[:3]:
        if part is None or part in "xX*":
            break
        numbers.append(int(part))
    precision = len(numbers)
    prerelease = tuple(match[4].split(".")) if match[4] and precision == 3 else ()  # noqa: PLR2004 - major, minor and patch
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return _Bound(Version(major, minor, patch, prerelease), precision)


def _allows(group: tuple[tuple[str, _Bound], ...], version: Version) -> bool:
    if version.prerelease and not any(bound.version.prerelease for _, bound in group):
        return False
    return all(_HOLDS[operator](version, bound) for operator, bound in group)


def _equal(version: Version, bound: _Bound) -> bool:
    return version.precedence == bound.version.precedence if bound.precision == 3 else bound.agrees(version, bound.precision)  # noqa: PLR2004


def _greater(version: Version, bound: _Bound) -> bool:
    """A shortened bound covers all of its versions: `>1` begins at 2.0.0."""
    return bound.version < version and (bound.precision == 3 or not bound.agrees(version, bound.precision))  # noqa: PLR2004


def _less(version: Version, bound: _Bound) -> bool:
    return version < bound.version


def _tilde(version: Version, bound: _Bound) -> bool:
    return not version < bound.version and bound.agrees(version, min(2, bound.precision))


def _caret(version: Version, bound: _Bound) -> bool:
    """Allows all before the next change of the leftmost nonzero number.

    Or of the last number written, where there is none.
    """
    leading = next((index for index, number in enumerate(bound.version.triple) if number), 2)
    return not version < bound.version and bound.agrees(version, min(leading + 1, bound.precision))


_HOLDS: dict[str, Callable[[Version, _Bound], bool]] = {
    "": _equal,
    "=": _equal,
    "!=": lambda version, bound: not _equal(version, bound),
    ">": _greater,
    ">=": lambda version, bound: not _less(version, bound),
    "=>": lambda version, bound: not _less(version, bound),
    "<": _less,
    "<=": lambda version, bound: not _greater(version, bound),
    "=<": lambda version, bound: not _greater(version, bound),
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}


def _order(identifiers: tuple[str, ...]) -> tuple[tuple[bool, int, str], ...]:
    """The sort key of a prerelease.

    Numbers are compared by their digits, since Python makes no integer of more than 4,300.
    """
    return tuple((False, len(part), part) if _is_number(part) else (True, 0, part) for part in identifiers)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
