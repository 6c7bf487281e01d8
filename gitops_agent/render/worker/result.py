"""Validates results of renders from untrusted processes.

What a repository could make a worker send must neither stop the agent nor be more than objects: an object is parsed by itself,
of at most a few mebibytes, its values are counted against one budget, and it is checked as the renderer checks it. Digests are
computed here.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.disk_cache import digest_of
from gitops_agent.render.objects import problem_of
from gitops_agent.render.request import Failure, Format, Rendered, RenderLimits
from gitops_agent.render.worker.channel import ChannelError, Message
from gitops_agent.render.worker.messages import unpacked
from gitops_agent.render.worker.service import OBJECT_BYTES
from gitops_agent.revision.tree import Closure

_DEPTH = 250
_TEXT = 8192
_WARNINGS = 50
_FACTS = 32
_NAMES = 20_000
_POINTERS = 1_000
_INPUTS_PER_FILE = 20
_TOOLS = 2
"""Helm, and kustomize over what it renders."""
_LONGEST_PATH = 4096
_REASON = re.compile(r"[A-Z][A-Za-z]{1,63}")
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PROGRAM = re.compile(r"[a-z]{1,32}")


class Result:
    """The messages of one render, in the order they come.

    Args:
        limits: of the render.
    """

    def __init__(self, limits: RenderLimits) -> None:
        self._limits = limits
        self._manifests: list[Manifest] = []
        self._inputs: list[tuple[str, str | None]] = []
        self._bytes = 2 * limits.output_bytes
        self._values = 2 * limits.nodes

    def take(self, message: Message) -> Rendered | Failure | None:
        """What the render came to; None until the last message.

        Raises:
            ChannelError: the message is no part of a result.
        """
        head = message.head
        try:
            if "objects" in head:
                self._objects(head["objects"], message.body)
            elif "inputs" in head:
                self._closure(head["inputs"])
            elif "rendered" in head:
                return self._rendered(head)
            elif "error" in head:
                return self._failure(head)
            else:
                raise ChannelError("invalid")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ChannelError("invalid") from None
        return None

    def _objects(self, rows: Any, body: bytes) -> None:
        self._bytes -= len(body)
        position = 0
        for file, document, size, generated in rows:
            data = memoryview(body)[position : position + size]
            position += len(data)
            if len(self._manifests) >= self._limits.objects or not 0 < len(data) <= OBJECT_BYTES or self._bytes < 0:
                raise ChannelError("invalid")
            obj = orjson.loads(data)
            self._measure(obj)
            if not isinstance(obj, dict) or problem_of(obj) is not None:
                raise ChannelError("invalid")
            paths = _pointers(generated)
            self._manifests.append(Manifest.of(obj, file=_path(file), document=int(document), generated=paths))

    def _measure(self, value: Any) -> None:
        """Counts the values of an object, and how deep they lie."""
        level = [value]
        for _ in range(_DEPTH):
            self._values -= len(level)
            if self._values < 0:
                raise ChannelError("invalid")
            below: list[Any] = []
            for each in level:
                if isinstance(each, dict):
                    below += each.values()
                elif isinstance(each, list):
                    below += each
            if not below:
                return
            level = below
        raise ChannelError("invalid")

    def _closure(self, rows: Any) -> None:
        for path, oid in rows:
            if oid is not None and not _OID.fullmatch(oid):
                raise ChannelError("invalid")
            self._inputs.append((_path(path), oid))
        if len(self._inputs) > self._limits.files * _INPUTS_PER_FILE:
            raise ChannelError("invalid")

    def _rendered(self, head: dict[str, Any]) -> Rendered:
        tools = tuple((str(name), _line(version)) for name, version in head["tools"])
        if len(tools) > _TOOLS or not all(_PROGRAM.fullmatch(name) for name, _ in tools):
            raise ChannelError("invalid")
        return Rendered(
            manifests=tuple(self._manifests),
            closure=Closure(frozenset(self._inputs)),
            warnings=tuple(_line(warning) for warning in head["warnings"][:_WARNINGS]),
            format=Format(head["rendered"]),
            tools=tools,
            digest=digest_of(self._manifests),
            variables=_names(head["variables"]),
        )

    def _failure(self, head: dict[str, Any]) -> Failure:
        reason, facts = head["reason"], head["facts"]
        if not _REASON.fullmatch(reason) or len(facts) > _FACTS:
            raise ChannelError("invalid")
        kind = SourceError if head["error"] == "source" else RenderError
        error = kind(
            _line(head["message"]),
            reason=reason,
            transient=head["transient"] is True,
            **{name: _fact(value) for name, value in facts.items() if name.isidentifier() and name not in _FIELDS},
        )
        closure = Closure(frozenset(self._inputs)) if head["closed"] is True else None
        return Failure(error=error, closure=closure, passing=head["passing"] is True, variables=_names(head["variables"]))


_FIELDS = ("message", "reason", "transient", "self")


def _path(value: Any) -> str:
    """A path that stays in the tree.

    Raises:
        ValueError: it is none.
    """
    path = unpacked(value)
    if len(path) > _LONGEST_PATH or path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValueError("a path leads out of the tree")
    return path


def _pointers(value: Any) -> tuple[str, ...]:
    """JSON pointers of generated values.

    Raises:
        ValueError: they are none.
    """
    paths = tuple(value)
    if len(paths) > _POINTERS or not all(isinstance(path, str) and path[:1] == "/" and len(path) <= _TEXT for path in paths):
        raise ValueError("pointers are no pointers")
    return paths


def _names(value: Any) -> tuple[str, ...]:
    """Names of variables.

    Raises:
        ValueError: they are none.
    """
    names = tuple(value)
    if len(names) > _NAMES or not all(isinstance(name, str) and len(name) <= _TEXT for name in names):
        raise ValueError("names of variables are no names")
    return names


def _line(value: Any) -> str:
    """A text of one line that shows nothing but itself."""
    text = str(value)[:_TEXT]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def _fact(value: Any) -> Any:
    return _line(value) if isinstance(value, str) else value if isinstance(value, int | float | None) else None
