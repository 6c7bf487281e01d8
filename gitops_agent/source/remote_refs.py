"""The branches and tags of one `ls-remote`, and their resolution."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gitops_agent.errors import SourceError
from gitops_agent.source.ref import Ref
from gitops_agent.source.semver import Range

_LINE = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(refs/(?:heads|tags)/\S+)\Z")
_PREFIX = {"branch": "refs/heads/", "tag": "refs/tags/", "semver": "refs/tags/"}
_NEAR = 3
_MOST_CHOICES = 20
_CUTOFF = 0.6
_LONGER = 3
"""A name that is so many times longer than another one is not near it, at this cutoff."""
_COMPARED_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """Full reference names and the commits they lead to.

    Annotated tags are peeled, so a commit is what an application will see.
    """

    commits: Mapping[str, str]
    objects: Mapping[str, str] = field(default_factory=dict)
    """What the references point at themselves."""

    @classmethod
    def parse(cls, output: bytes) -> Advertised:
        """Parses `git ls-remote`, without other references and invalid names."""
        commits: dict[str, str] = {}
        peeled: dict[str, str] = {}
        for line in output.decode("utf-8", "replace").split("\n"):
            match = _LINE.match(line)
            if match is None:
                continue
            oid, name = match.groups()
            if name.endswith("^{}"):
                peeled[name[:-3]] = oid
            else:
                commits[name] = oid
        return cls(commits=commits | {name: oid for name, oid in peeled.items() if name in commits}, objects=commits)

    def name(self, ref: Ref) -> str:
        """The full name a branch, tag or range stands for.

        Raises:
            SourceError: reason `RevisionNotFound`, with names that come near.
        """
        prefix = _PREFIX[ref.kind]
        if ref.kind != "semver":
            name = prefix + ref.value
            if name not in self.commits:
                raise self._missing(ref)
            return name
        tag = Range.parse(ref.value).select(self._names(prefix))
        if tag is None:
            raise self._missing(ref)
        return prefix + tag

    def choices(self, ref: Ref) -> tuple[str, ...]:
        """The full names of the highest tags in a range, highest first."""
        names = set(self._names(_PREFIX["semver"]))
        choices: list[str] = []
        span = Range.parse(ref.value)
        while len(choices) < _MOST_CHOICES and (tag := span.select(names)) is not None:
            names.discard(tag)
            choices.append(_PREFIX["semver"] + tag)
        return tuple(choices)

    def _names(self, prefix: str) -> list[str]:
        return [name.removeprefix(prefix) for name in self.commits if name.startswith(prefix)]

    def _missing(self, ref: Ref) -> SourceError:
        names = self._names(_PREFIX[ref.kind])
        if ref.kind == "semver":
            latest = Range.parse(">=0.0.0-0").select(names)
            candidates = (
                f"the highest version among its {len(names)} tags is {latest}" if latest else "no tag is a version like v1.2.3"
            )
            return SourceError(f"no tag is in the range {ref.value!r}: {candidates}", reason="RevisionNotFound", ref=str(ref))
        near = difflib.get_close_matches(ref.value, comparable(ref.value, names), n=_NEAR, cutoff=_CUTOFF)
        other = "tag" if ref.kind == "branch" else "branch"
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        if _PREFIX[other] + ref.value in self.commits:
            hint = f"; there is a {other} of that name"
        elif not near and names:
            hint = f"; there are {', '.join(sorted(names)[:_NEAR])}" + (
                f" and {len(names) - _NEAR} more" if len(names) > _NEAR else ""
            )
        return SourceError(f"there is no {ref.kind} {ref.value!r}{hint}", reason="RevisionNotFound", ref=str(ref))


def comparable(name: str, others: Iterable[str]) -> list[str]:
    """The names that are worth comparing with one that is missing.

    A server may advertise any number of names of any length, and comparing takes the product of the lengths. Names of very
    different lengths are never near; of the others the first count, up to a bound.
    """
    chosen, characters = [], 0
    for other in others:
        if len(other) <= _LONGER * len(name):
            characters += len(other)
            if characters > _COMPARED_CHARACTERS:
                break
            chosen.append(other)
    return chosen
