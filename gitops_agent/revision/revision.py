"""One commit, as people and status speak of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit that a reference resolved to.

    Attributes:
        repository: the URL without credentials.
        ref: the reference, e.g. `main`, `v1.2.3`, `>=1.0 <2`, or the commit itself.
        commit: the full object name.
        author: the author's name and address.
        subject: the first line of the message, cut at 200 characters, control characters removed.
        committed_at: aware, UTC.
        message: the whole message, cut at 4,000 characters (its trailers may approve a plan).
    """

    repository: str
    ref: str
    commit: str
    author: str = ""
    subject: str = ""
    message: str = ""
    committed_at: datetime | None = None

    @property
    def short(self) -> str:
        """The first twelve digits of the commit."""
        return self.commit[:12]
