"""Names of commits as users type them, such as `HEAD~1`.

An Application names exactly what it follows, by kind; a command may be less strict. `HEAD` is what the application follows. A
branch wins over a tag and both over the first digits of a commit, as in Git. Abbreviated commits are looked for in the history
that was fetched for the application first, and in those of all branches and tags only when they are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from gitops_agent.errors import SourceError
from gitops_agent.source.mirror import Mirror
from gitops_agent.source.poll import Poller
from gitops_agent.source.ref import Ref

HEAD = "HEAD"
"""What the application follows."""

_NAME = re.compile(r"(?P<base>[^~^]+)(?P<steps>(?:[~^][0-9]{0,4}){0,20})\Z")
_DIGITS = re.compile(r"[0-9a-f]{4,64}\Z")
_WHOLE = (40, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionName:
    """A name and the steps back from it.

    Attributes:
        text: as it was typed.
        base: `HEAD`, a branch, a tag, or the first digits of a commit.
        steps: `~1`, `^`, `^2~3`; empty for the commit itself.
    """

    text: str
    base: str
    steps: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that a user typed.

        Raises:
            SourceError: reason `InvalidSpec`, when it can be none.
        """
        match = _NAME.match(text)
        if match is None or (match["base"] not in (HEAD, "@") and not any(_refs(match["base"]))):
            raise SourceError(
                f"{text[:80]!r} is not a branch, tag or commit, such as main, v1.2, 94b34e0 or HEAD~1", reason="InvalidSpec"
            )
        return cls(text=text, base=match["base"], steps=match["steps"])

    def find(self, mirror: Mirror, poller: Poller, head: Ref) -> str:
        """The commit, after a poll for what is not there yet.

        The caller has locked the mirror.

        Raises:
            SourceError: there is none of that name (`RevisionNotFound`), or the repository cannot be read.
        """
        refs = (head,) if self.base in (HEAD, "@") else tuple(_refs(self.base))
        poll = poller.poll({head, *refs})
        commit = next((poll.tips[ref] for ref in refs if ref in poll.tips), None)
        if commit is None and _DIGITS.match(self.base):
            commit = self._abbreviated(mirror, poller)
        if commit is not None:
            return self._step(mirror, commit)
        error = poll.errors[refs[0]]
        message = str(error)
        if refs[0] != head:
            message = message.replace(f"there is no {refs[0].kind} ", "there is no branch, tag or commit ", 1)
        raise SourceError(message, reason=error.reason, transient=error.transient)

    def _abbreviated(self, mirror: Mirror, poller: Poller) -> str | None:
        """The commit with these first digits.

        None when there is none, or several.
        """
        commits = mirror.commits([self.base])
        if not commits:
            poller.fetch_all()
            commits = mirror.commits([self.base])
        return commits.get(self.base)

    def _step(self, mirror: Mirror, commit: str) -> str:
        if not self.steps:
            return commit
        name = f"{commit}{self.steps}"
        earlier = mirror.commits([name])
        if name not in earlier:
            raise SourceError(f"{self.text!r} leads to no commit: {self.base} has no such ancestor", reason="RevisionNotFound")
        return earlier[name]


def _refs(base: str) -> Iterator[Ref]:
    """What a name may stand for, the most likely first."""
    if _DIGITS.match(base) and len(base) in _WHOLE:
        yield Ref(kind="commit", value=base)
        return
    for kind in ("branch", "tag"):
        try:
            yield Ref(kind=kind, value=base)
        except SourceError:
            continue
