"""What an import reads from Git: kinds of references, default branches, files.

Argo CD names a revision without saying what it is, and an ApplicationSet generates from directories and files. Both are looked
up in the repository; where it cannot be read, the name decides, and the report says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from gitops_agent.errors import SourceError
from gitops_agent.manifest.key import Object
from gitops_agent.revision.tree import Tree

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?")
_RANGE = re.compile(r"[\^~<>=]|\|\||(?:^|\.)[*xX](?:\.|$)")
HEAD = ("", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a revision is.

    Attributes:
        spec: as `spec.source.ref`.
        doubt: why it was assumed; empty when it is certain.
    """

    spec: Object
    doubt: str = ""


class Repositories(Protocol):
    """The repositories that an import may read."""

    def reference(self, url: str, revision: str) -> Reference:
        """What a revision of Argo CD is; never raises."""
        ...

    def tree(self, url: str, revision: str) -> Tree:
        """The files at a revision.

        Raises:
            SourceError: the repository cannot be read.
        """
        ...


class UnreadRepositories:
    """Repositories of an import without network: names decide."""

    def reference(self, url: str, revision: str) -> Reference:
        """See `Repositories`."""
        del url
        return assumed(revision, "the repository was not read (--offline)")

    def tree(self, url: str, revision: str) -> Tree:
        """See `Repositories`; always raises."""
        del revision
        raise SourceError(f"{url} was not read (--offline)", reason="SourceUnavailable")


def certain(revision: str) -> Reference | None:
    """What a name alone proves: a commit or a range of versions."""
    if _COMMIT.fullmatch(revision):
        return Reference(spec={"commit": revision})
    if _RANGE.search(revision):
        return Reference(spec={"semver": revision})
    return None


def assumed(revision: str, why: str) -> Reference:
    """What a name most likely is, where the repository does not answer."""
    if revision.startswith("refs/"):
        return by_full_name(revision)
    if (proved := certain(revision)) is not None:
        return proved
    if revision in HEAD:
        return Reference(spec={"branch": "main"}, doubt=f"{why}: main is assumed to be the default branch")
    if _VERSION.fullmatch(revision):
        return Reference(spec={"tag": revision}, doubt=f"{why}: {revision} is assumed to be a tag")
    return Reference(spec={"branch": revision}, doubt=f"{why}: {revision} is assumed to be a branch")


def by_full_name(name: str) -> Reference:
    """A reference by its full name, such as `refs/tags/v1`."""
    for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if name.startswith(prefix):
            return Reference(spec={kind: name.removeprefix(prefix)})
    text = f"{name} is neither a branch nor a tag"
    return Reference(spec={"branch": name}, doubt=text)
