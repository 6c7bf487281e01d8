"""Reads and writes Kubernetes objects as YAML.

Problem: a repository is untrusted and written for kubectl. A library's own loader builds date objects, takes the last of two
equal keys, lets ten lines of aliases unfold into gigabytes, and needs seconds for absurd nesting. Decision: libyaml's
events, built into JSON values by one loop without recursion, which applies kubectl's dialect and stops at the first broken
limit, long before a deep text costs anything.

Kept from kubectl: scalars (see `dialect`), merge keys (what is merged overrides what stands before it and yields to what stands
after; of a list the first wins), whole-number keys become text. Refused although kubectl guesses: duplicate keys, keys that are
booleans (`on:`, `y:`), null or fractions, unknown tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from gitops_agent.errors import RenderError
from gitops_agent.manifest.dialect import exponent, plain, tagged
from gitops_agent.manifest.document import Document, Documents, YamlLimits, refusal
from gitops_agent.manifest.text import decode

__all__ = ["DEFAULT_LIMITS", "YamlLimits", "dump", "dump_all", "load_all", "read"]

DEFAULT_LIMITS = YamlLimits()
_TAG = "tag:yaml.org,2002:"
_TEXT_PER_NODE = 256
_SHOWN = 100
_WARNINGS = 20
_HINTS = {
    "mapping values are not allowed in this context": ": a text that holds ': ' needs quotes, or the line is indented too far",
    "did not find expected key": ": check the indentation of this line and of those before it",
    "could not find expected ':'": ": a key ends with a colon; check this line and those before it",
    "found character that cannot start any token": ": a text that begins with @, %, ` or a tab needs quotes",
    "did not find expected '-' indicator": ": check the indentation of the list before this line",
}
"""What libyaml's words mostly mean."""
_FLOW = {"did not find expected ',' or ']'": "list", "did not find expected ',' or '}'": "mapping"}


class _Nothing:
    """Marks a mapping that waits for a key, which may be None."""


_WAITING = _Nothing()
_MERGE = _Nothing()


def load_all(data: bytes, *, file: str = "", limits: YamlLimits = DEFAULT_LIMITS) -> list[Any]:
    """The nonempty documents of a YAML text, as JSON values.

    Parts may be shared (aliases): never mutate them.

    Raises:
        RenderError: reason `InvalidManifest`, with `file`, `line` (one-based) and `document` (zero-based) among the facts.
    """
    return [document.value for document in read(data, file=file, limits=limits).documents]


def read(data: bytes, *, file: str = "", limits: YamlLimits = DEFAULT_LIMITS, last_key_wins: bool = False) -> Documents:
    """Like `load_all`, with the places of the documents and warnings.

    Args:
        data: UTF-8, with or without a byte order mark.
        file: as the author knows it, for errors.
        limits: see `YamlLimits`.
        last_key_wins: take the last of equal keys, as Helm and kubectl do, and warn; otherwise they are an error.

    Raises:
        RenderError: reason `InvalidManifest`.
    """
    text = decode(data, file=file, limits=limits)
    return _Reader(file=file, limits=limits, last_key_wins=last_key_wins).read(text)


@dataclass(frozen=True, slots=True)
class DocumentEvent:
    """A document begins."""


@dataclass(frozen=True, slots=True)
class StartEvent:
    """A mapping or list begins."""

    mapping: bool


@dataclass(frozen=True, slots=True)
class EndEvent:
    """The innermost mapping or list ends."""


@dataclass(frozen=True, slots=True)
class ScalarEvent:
    """A key or single value; plain without quotes and tag.

    It stands in the decoded text from `start` to before `end`.
    """

    text: str
    tag: str
    plain: bool
    line: int
    start: int = 0
    end: int = 0


def events(
    data: bytes, *, file: str, limits: YamlLimits = DEFAULT_LIMITS
) -> Iterator[DocumentEvent | StartEvent | EndEvent | ScalarEvent]:
    """A YAML text with its scalars as written, for other dialects.

    Raises:
        RenderError: reason `InvalidManifest`; also for anchors and aliases.
    """
    text = decode(data, file=file, limits=limits)
    parser: Any = yaml.CSafeLoader(text)
    depth = nodes = 0
    line = 1
    try:
        while (event := parser.get_event()) is not None:
            line = event.start_mark.line + 1
            nodes += 1
            if nodes > limits.nodes or depth > limits.depth:
                raise refusal("is nested too deeply or holds too many values", file=file, line=line)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise refusal("holds an anchor or alias, which is not read here", file=file, line=line)
            if isinstance(event, yaml.DocumentStartEvent):
                yield DocumentEvent()
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                yield StartEvent(isinstance(event, yaml.MappingStartEvent))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
                yield EndEvent()
            elif isinstance(event, yaml.ScalarEvent):
                tag = "" if event.tag in (None, "!") else event.tag.removeprefix(_TAG)
                start, end = cast("Any", event.start_mark).index, cast("Any", event.end_mark).index
                yield ScalarEvent(event.value, tag, event.tag is None and event.implicit[0], line, start, end)
    except (yaml.MarkedYAMLError, yaml.reader.ReaderError, UnicodeEncodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise refusal("is not YAML", file=file, line=mark.line + 1 if mark else line) from None
    finally:
        parser.dispose()


def dump(obj: Any) -> str:
    """One document, keys in order, with ambiguous texts quoted.

    Any text is quoted that any YAML dialect could take for something else.
    """
    return cast("str", yaml.dump(obj, Dumper=_Dumper, **_STYLE))


def dump_all(objs: Iterable[Any]) -> str:
    """Several documents, separated by `---`."""
    return "---\n".join(dump(obj) for obj in objs)


@dataclass(slots=True)
class _Frame:
    """A collection that is being filled."""

    value: Any
    anchor: str | None
    weight: int
    key: Any = _WAITING
    own: set[Any] = field(default_factory=set)


class _Reader:
    def __init__(self, *, file: str, limits: YamlLimits, last_key_wins: bool) -> None:
        self._file = file
        self._limits = limits
        self._last_key_wins = last_key_wins
        self._index = -1
        self._warnings: list[str] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()
        self._weight = 0

    def read(self, text: str) -> Documents:
        documents: list[Document] = []
        # The C parser takes text as it is, so that no second guess about the encoding is made.
        parser: Any = yaml.CSafeLoader(text)
        line = 1
        try:
            while (event := parser.get_event()) is not None:
                if type(event) is yaml.DocumentStartEvent:
                    self._index += 1
                    self._anchors = {}
                    line = parser.peek_event().start_mark.line + 1
                    if self._index >= self._limits.documents:
                        raise self._refusal(f"more than {self._limits.documents} documents", line)
                    value = self._build(parser)
                    if value is not None:
                        documents.append(Document(value=value, index=self._index, line=line))
        except yaml.MarkedYAMLError as error:
            raise self._syntax(error, text) from None
        except yaml.reader.ReaderError as error:
            position = error.position if isinstance(error.position, int) else 0
            line = text.encode("utf-8", "replace").count(b"\n", 0, position) + 1
            raise self._refusal(f"holds the control character {_code(error.character)}", line) from None
        except UnicodeEncodeError:
            raise self._refusal("holds half of a surrogate pair", None) from None
        finally:
            parser.dispose()
        self._limits.spend(self._weight)
        return Documents(documents=tuple(documents), warnings=tuple(self._warnings))

    def _build(self, parser: Any) -> Any:
        """The value of one document."""
        stack: list[_Frame] = []
        following = parser.get_event
        scalar, mapping, sequence, alias = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent, yaml.AliasEvent
        limits = self._limits
        most = limits.most
        while True:
            event = following()
            kind = type(event)
            if kind is scalar:
                value = self._scalar(event, stack[-1].key if stack else None)
                self._weight += 1 + len(event.value) // _TEXT_PER_NODE
                if event.anchor is not None:
                    self._anchors[event.anchor] = (value, 1 + len(event.value) // _TEXT_PER_NODE)
            elif kind is mapping or kind is sequence:
                if len(stack) >= limits.depth:
                    raise self._refusal(f"nested more than {limits.depth} levels deep", event.start_mark.line + 1)
                if event.tag not in (None, "!"):
                    self._check_tag(event, "map" if kind is mapping else "seq")
                self._weight += 1
                if event.anchor is not None:
                    self._anchors.pop(event.anchor, None)
                    self._open.add(event.anchor)
                key = _WAITING if kind is mapping else None
                stack.append(_Frame({} if kind is mapping else [], event.anchor, self._weight - 1, key))
                continue
            elif kind is alias:
                value = self._alias(event)
            else:
                frame = stack.pop()
                value = frame.value
                if frame.anchor is not None:
                    self._open.discard(frame.anchor)
                    self._anchors[frame.anchor] = (value, self._weight - frame.weight)
            if self._weight > most:
                raise self._refusal(limits.too_many(), event.start_mark.line + 1)
            if not stack:
                return value
            self._attach(stack[-1], value, event)

    def _attach(self, frame: _Frame, value: Any, event: Any) -> None:
        """Puts a finished value where it belongs."""
        if type(frame.value) is list:
            frame.value.append(value)
            return
        if frame.key is _WAITING:
            frame.key = _MERGE if value is _MERGE else self._key(frame, value, event)
        elif frame.key is _MERGE:
            self._merge(frame.value, value, event)
            frame.key = _WAITING
        else:
            frame.value[frame.key] = value
            frame.key = _WAITING

    def _key(self, frame: _Frame, value: Any, event: Any) -> str:
        line = event.start_mark.line + 1
        if type(value) is not str:
            written = getattr(event, "value", None)
            if type(value) is not int or written != str(value):
                what = f"the key {written}" if isinstance(written, str) else "a key that is a list or mapping, as {{ … }} is,"
                raise self._refusal(f"{what} is not a text; put it in quotes", line)
            value = written
        if value in frame.own:
            if not self._last_key_wins:
                raise self._refusal(f"the key {value!r} occurs twice in one mapping", line)
            self._warn(f"the key {value!r} occurs twice in one mapping, the last one is used", line)
        frame.own.add(value)
        return cast("str", value)

    def _merge(self, target: dict[str, Any], value: Any, event: Any) -> None:
        merged = value if type(value) is list else [value]
        if not all(type(part) is dict for part in merged):
            raise self._refusal("a merge key (<<) takes a mapping or a list of mappings", event.start_mark.line + 1)
        for part in reversed(merged):
            target.update(part)

    def _scalar(self, event: Any, of: Any) -> Any:
        """The scalar that is due in a mapping: its key or value."""
        text = event.value
        if event.tag == "!" or (event.tag is None and not event.implicit[0]):
            return text
        try:
            if event.tag is not None:
                self._check_tag(event)
                return tagged(event.tag.removeprefix(_TAG), text)
            if of is _WAITING and text == "<<":
                return _MERGE
            value = plain(text)
        except ValueError as error:
            raise self._refusal(str(error), event.start_mark.line + 1) from None
        if type(value) is int and exponent(text):
            # Not quoted: it may be a password.
            what = f"the value of {of[:_SHOWN]!r}" if type(of) is str else "a value"
            self._warn(f"{what} is a number without quotes; quote it if it is a name or a commit", event.start_mark.line + 1)
        return value

    def _check_tag(self, event: Any, *expected: str) -> None:
        if not event.tag.startswith(_TAG) or (expected and event.tag.removeprefix(_TAG) not in expected):
            tag = event.tag.replace(_TAG, "!!")[:100]
            raise self._refusal(f"the tag {tag} means nothing in a Kubernetes object", event.start_mark.line + 1)

    def _alias(self, event: Any) -> Any:
        if event.anchor in self._anchors:
            value, weight = self._anchors[event.anchor]
            self._weight += weight
            return value
        problem = "contains itself" if event.anchor in self._open else "is not defined before it is used"
        raise self._refusal(f"the anchor &{event.anchor} {problem}", event.start_mark.line + 1)

    def _warn(self, text: str, line: int) -> None:
        if len(self._warnings) < _WARNINGS:
            self._warnings.append(f"{self._file or 'the text'}, line {line}: {text}")

    def _syntax(self, error: yaml.MarkedYAMLError, text: str) -> RenderError:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        problem = (error.problem or "cannot be read").replace("%TAG", "tag")
        lines = text.splitlines()
        indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())] if line and line <= len(lines) else ""
        if "\t" in indent or "'\\t'" in problem:
            problem = "a tab stands where YAML wants spaces"
        elif _is_unclosed(error) and error.context_mark:
            problem, line = "the quote that opens in this line is never closed", error.context_mark.line + 1
        elif problem in _FLOW and error.context_mark:
            problem = f"{problem} of the {_FLOW[problem]} that opens in line {error.context_mark.line + 1}"
        return self._refusal(_first_line(problem) + _HINTS.get(problem, ""), line)

    def _refusal(self, problem: str, line: int | None) -> RenderError:
        return refusal(problem, file=self._file, line=line, document=max(self._index, 0))


def _is_unclosed(error: yaml.MarkedYAMLError) -> bool:
    """Whether a quote is still open at the end of a document."""
    return "quoted scalar" in (error.context or "") and str(error.problem).startswith("found unexpected")


def _first_line(text: str) -> str:
    return (text.splitlines() or ["cannot be read"])[0][:300]


def _code(character: Any) -> str:
    return f"U+{character if isinstance(character, int) else ord(str(character)[:1] or ' '):04X}"


class _Dumper(yaml.CSafeDumper):
    """Never writes an anchor: what is shared in memory is written out."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


_STYLE: dict[str, Any] = {"sort_keys": False, "default_flow_style": False, "allow_unicode": True, "width": 1_000_000}


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text and "\t" not in text and not text[:1].isspace() and all(not row[-1:].isspace() for row in text.split("\n")):
        style = "|"
    elif "\n" in text or not _reads_as_text(text):
        style = '"'
    return dumper.represent_scalar(_TAG + "str", text, style=style)


def _reads_as_text(text: str) -> bool:
    """Whether kubectl would take the unquoted word for this text."""
    try:
        return text != "<<" and plain(text) == text
    except ValueError:
        return False


_Dumper.add_representer(str, _represent_text)
