"""Inputs of a render: recorded in the closure, limited, and copied.

Problem: the closure is only worth something if nothing can be read that is not in it. Decision: the tool never sees the tree.
Every walker of a format requests each path here, present or absent; only requested files are copied into the folder the tool
runs in. Links are followed inside the tree: the copy holds what they point at, and a link to it where the link was, so that the
tool's own rules about links hold.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gitops_agent.errors import RenderError, SourceError, did_you_mean
from gitops_agent.manifest.document import NodeBudget, YamlLimits
from gitops_agent.render.memory import in_memory
from gitops_agent.render.paths import join
from gitops_agent.render.request import RenderLimits
from gitops_agent.render.suggestions import similar
from gitops_agent.revision.checkout import write
from gitops_agent.revision.tree import Closure, Entry, EntryType, Tree

_LINKED_DEPTH = 20


class Inputs:
    """The paths of one render."""

    def __init__(self, tree: Tree, limits: RenderLimits) -> None:
        self._tree = tree
        self._limits = limits
        self._seen: dict[str, str | None] = {}
        self._files: set[str] = set()
        self._asked = 0
        self._bytes = 0
        self._links: dict[str, str] = {}
        self.decrypted: set[str] = set()
        """Files whose plaintext was copied; complete once all are."""
        self._budget = NodeBudget(limits.nodes)

    @property
    def commit(self) -> str:
        """The revision that is read."""
        return self._tree.commit

    def bounded(self, limits: YamlLimits) -> YamlLimits:
        """Limits of one file, within the budget of the whole render."""
        return replace(limits, budget=self._budget)

    def locate(self, path: str) -> Entry | None:
        """The file or directory behind a path's links; None is recorded too.

        The content of a directory is not remembered: ask for its files, or for all of it with `folder`.

        Raises:
            SourceError: a link that is broken, escapes or loops.
            RenderError: reason `SubmodulesRefused`.
        """
        real = ""
        for part in path.split("/") if path else ():
            real = f"{real}/{part}" if real else part
            entry = self._tree.entry(real)
            if entry is None:
                self._seen[real] = None
                return None
            if entry.type is EntryType.SUBMODULE:
                raise submodule(real)
            if entry.type is EntryType.LINK:
                real = self._follow(entry)
        entry = self._tree.entry(real)
        if entry is not None and entry.type is EntryType.FILE:
            self._measure(entry)
            self._seen[entry.path] = entry.oid
        return entry

    def file(self, path: str) -> Entry | None:
        """Like `locate`, and copied for the tool when it is a file."""
        entry = self.locate(path)
        if entry is not None and entry.type is EntryType.FILE:
            self._add(entry)
        return entry

    def hint(self, path: str) -> str:
        """What an absent path probably means, to end an error with.

        Not part of the closure: only for errors that end no render for good.
        """
        try:
            return did_you_mean(similar(self._tree, path))
        except SourceError:
            return ""

    def folder(self, path: str) -> tuple[Entry, ...]:
        """Every file below a directory; any change there ends the closure.

        They are copied for the tool.

        The entries carry the paths the tool will see, also those behind links.
        """
        return tuple(sorted(self._below(path, ()), key=lambda entry: entry.path))

    def read(self, path: str, *, limit: int | None = None) -> bytes:
        """The content of a file that was located."""
        return self._tree.read(path, limit=min(limit or self._limits.file_bytes, self._limits.file_bytes))

    @property
    def files(self) -> tuple[str, ...]:
        """The requested files, by path."""
        return tuple(sorted(self._files))

    @property
    def closure(self) -> Closure:
        """Everything asked for until now."""
        return Closure(frozenset(self._seen.items()))

    def materialise(self, into: Path) -> None:
        """Copies the requested files, at their own paths, into an empty folder."""
        write(self._contents(into), into)
        for link, target in sorted(self._links.items()):
            destination = into / link
            if (into / target).exists() and not destination.is_symlink() and not destination.exists():
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.symlink_to(posixpath.relpath(target or ".", posixpath.dirname(link) or "."))

    def _contents(self, into: Path) -> Iterator[tuple[Entry, bytes]]:
        """The requested files; plaintext only for a folder in memory.

        Raises:
            RenderError: reason `PlaintextOnDisk`.
        """
        for entry, data in self._tree.files(sorted(self._files), limit=self._limits.input_bytes):
            if entry.decrypted:
                self.decrypted.add(entry.path)
                if not self._limits.plaintext_on_disk and not in_memory(into.parent):
                    text = (
                        f"{entry.path} is decrypted, and the scratch folder of renders is on a disk: mount a volume in memory "
                        "there, or set render.plaintextOnDisk"
                    )
                    raise RenderError(text, reason="PlaintextOnDisk", file=entry.path)
            yield entry, data

    def _below(self, path: str, behind: tuple[str, ...]) -> list[Entry]:
        entries: list[Entry] = []
        for entry in self._tree.walk(path):
            if entry.type is EntryType.SUBMODULE:
                raise submodule(entry.path)
            if entry.type is EntryType.FILE:
                self._add(entry)
                entries.append(entry)
            elif entry.type is EntryType.LINK:
                entries += self._linked(entry, behind)
        # Last, because a folder of this machine is only known by reading all of it: now its size is known to be bearable.
        if path not in self._seen:
            top = self._tree.entry(path)
            self._seen[path] = top.oid if top else None
        return entries

    def _linked(self, link: Entry, behind: tuple[str, ...]) -> list[Entry]:
        self._count()
        real = self._follow(link)
        target = self._tree.entry(real)
        if target is None:
            return []
        if target.type is EntryType.FILE:
            self._add(target)
            self._seen[real] = target.oid
            return [Entry(path=link.path, type=EntryType.FILE, oid=target.oid, size=target.size)]
        if len(behind) > _LINKED_DEPTH:
            raise RenderError(f"{link.path}: links to directories in one another", reason="RenderTooLarge", file=link.path)
        if real in behind or real == "" or link.path.startswith(f"{real}/"):
            raise SourceError(f"{link.path} is a link to a directory it lies in", reason="LinkBroken", file=link.path)
        inner = self._below(real, (*behind, real))
        return [
            Entry(
                path=join(link.path, posixpath.relpath(entry.path, real)), type=EntryType.FILE, oid=entry.oid, size=entry.size
            )
            for entry in inner
        ]

    def _follow(self, link: Entry) -> str:
        """The target of a path's links, with every hop in the closure."""
        target = self._tree.resolve(link.path)
        if target is None:
            raise SourceError(f"{link.path} is a link to nothing", reason="LinkBroken", file=link.path)
        self._seen[link.path] = link.oid
        self._links[link.path] = target.path
        if "" not in self._seen and not _leads_straight(link, target.path):
            top = self._tree.entry("")
            self._seen[""] = top.oid if top else None
        return target.path

    def _count(self) -> None:
        """Counts visible files, as links to directories may repeat them."""
        self._asked += 1
        if self._asked > self._limits.files:
            raise RenderError(f"the render reads more than {self._limits.files} files", reason="RenderTooLarge")

    def _measure(self, entry: Entry) -> None:
        if entry.size > self._limits.file_bytes:
            text = f"{entry.path} holds {entry.size} bytes, more than the {self._limits.file_bytes} one file may have"
            raise RenderError(text, reason="FileTooLarge", file=entry.path)

    def _add(self, entry: Entry) -> None:
        self._count()
        self._measure(entry)
        if entry.path not in self._files:
            self._files.add(entry.path)
            self._bytes += max(0, entry.size)
        if self._bytes > self._limits.input_bytes:
            raise RenderError(f"the render reads more than {self._limits.input_bytes} bytes", reason="RenderTooLarge")


def submodule(path: str) -> RenderError:
    """The error for a path whose files are in another repository."""
    text = f"{path} is a submodule; its files are in another repository and are not fetched"
    return RenderError(text, reason="SubmodulesRefused", file=path)


def _leads_straight(link: Entry, target: str) -> bool:
    """Whether the link's own text is the plain way to its target.

    A tree shows where links end, not their text; but a link's id is the hash of its text. Where that is not the hash of the
    plain way there may be links in between, and then only the whole tree is known to say when one of them changes.
    """
    way = posixpath.relpath(target or ".", posixpath.dirname(link.path) or ".")
    for text in (way, f"./{way}"):
        blob = b"blob %d\0%s" % (len(text.encode()), text.encode())
        if link.oid in (hashlib.sha1(blob, usedforsecurity=False).hexdigest(), hashlib.sha256(blob).hexdigest()):
            return True
    return False
