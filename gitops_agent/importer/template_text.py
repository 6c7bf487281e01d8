"""The texts of an ApplicationSet's template.

Argo CD has two languages: `{{name}}` takes a parameter by its flattened name, and Go's templates take fields and call
functions. Of the latter, fields and pipelines of functions without effects are read; conditions and loops are not, because
their result is a snapshot that its author should see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_SIMPLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_GO = re.compile(r"(?P<left>\s*)\{\{(?P<trim>-\s)?(?P<body>.*?)(?P<end>\s-)?\}\}(?P<right>\s*)", re.DOTALL)
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?[0-9]+)|(?P<field>\.[A-Za-z0-9_.-]*)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)'
    r"|(?P<pipe>\|)|(?P<open>\()|(?P<close>\)))"
)
_UNNAMED = re.compile(r"[^a-z0-9.-]+")
_LONGEST_NAME = 253
_MOST_DIGITS = 9


class TemplateNotRead(ValueError):
    """A text that is not expanded, with the reason."""


def simple(text: str, parameters: Mapping[str, Any]) -> str:
    """A text with `{{name}}` replaced.

    Raises:
        TemplateNotRead: a parameter has no value.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in parameters:
            raise TemplateNotRead(f"{{{{{match[1][:80]}}}}} has no value")
        return _shown(parameters[match[1]])

    return _SIMPLE.sub(value, text)


def go(text: str, parameters: Mapping[str, Any]) -> str:
    """A text with Go's actions replaced.

    Raises:
        TemplateNotRead: an action is none of those that are read, or a field has no value.
    """

    def value(match: re.Match[str]) -> str:
        result = _shown(_Pipeline(match["body"], parameters).value())
        left = "" if match["trim"] else match["left"]
        return f"{left}{result}{'' if match['end'] else match['right']}"

    return _GO.sub(value, text)


def rendered(value: Any, replace: Callable[[str], str]) -> Any:
    """A JSON value with every text and key replaced."""
    if isinstance(value, str):
        return replace(value) if "{{" in value else value
    if isinstance(value, dict):
        return {replace(name) if "{{" in name else name: rendered(inner, replace) for name, inner in value.items()}
    if isinstance(value, list):
        return [rendered(item, replace) for item in value]
    return value


def normalised(text: str) -> str:
    """A text as the name of an object."""
    return _UNNAMED.sub("-", text.lower()).strip("-.")[:_LONGEST_NAME]


class _Pipeline:
    """One action: a command, and those its result is piped into.

    Args:
        body: between the braces.
        parameters: what `.` is.
    """

    def __init__(self, body: str, parameters: Mapping[str, Any]) -> None:
        self._body, self._parameters = body.strip(), parameters
        self._tokens = self._read()

    def value(self) -> Any:
        """The result."""
        result = self._pipe()
        if self._tokens:
            raise self._refusal()
        return result

    def _read(self) -> list[tuple[str, str]]:
        tokens, end = [], 0
        for match in _TOKEN.finditer(self._body):
            if match.start() != end:
                break
            end = match.end()
            tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
        if end != len(self._body) or not tokens:
            raise self._refusal()
        return tokens

    def _pipe(self) -> Any:
        result = self._command(())
        while self._tokens and self._tokens[0][0] == "pipe":
            self._tokens.pop(0)
            result = self._command((result,))
        return result

    def _command(self, piped: Sequence[Any]) -> Any:
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind == "word" and text in _FUNCTIONS:
            arguments = []
            while self._tokens and self._tokens[0][0] not in ("pipe", "close"):
                arguments.append(self._operand(optional=text == "default"))
            try:
                return _FUNCTIONS[text](*arguments, *piped)
            except (TypeError, ValueError, IndexError, KeyError):
                raise self._refusal() from None
        if piped or not kind:
            raise self._refusal()
        self._tokens.insert(0, (kind, text))
        following = self._tokens[1:2]
        return self._operand(optional=following == [("pipe", "|")] and self._tokens[2:3] == [("word", "default")])

    def _operand(self, *, optional: bool) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] == '"' else text[1:-1]
        if kind == "number" and len(text) <= _MOST_DIGITS:
            return int(text)
        if kind == "field":
            return self._field(text, optional=optional)
        if kind == "open":
            result = self._pipe()
            if not self._tokens or self._tokens.pop(0)[0] != "close":
                raise self._refusal()
            return result
        raise self._refusal()

    def _field(self, path: str, *, optional: bool) -> Any:
        here: Any = self._parameters
        for name in filter(None, path.split(".")):
            if not isinstance(here, Mapping) or name not in here:
                if optional:
                    return None
                raise TemplateNotRead(f"{path[:80]} has no value")
            here = here[name]
        return here

    def _refusal(self) -> TemplateNotRead:
        return TemplateNotRead(f"{{{{{self._body[:120]}}}}} is not expanded")


def _index(value: Any, *steps: Any) -> Any:
    for step in steps:
        value = value[step]
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "index": _index,
    "default": lambda fallback, value=None: value if value not in (None, "", 0, False) else fallback,
    "lower": lambda text: _shown(text).lower(),
    "upper": lambda text: _shown(text).upper(),
    "trim": lambda text: _shown(text).strip(),
    "replace": lambda old, new, text: _shown(text).replace(old, new),
    "trimPrefix": lambda prefix, text: _shown(text).removeprefix(prefix),
    "trimSuffix": lambda suffix, text: _shown(text).removesuffix(suffix),
    "trunc": lambda length, text: _shown(text)[:length] if length >= 0 else _shown(text)[length:],
    "quote": lambda text: f'"{_shown(text)}"',
    "squote": lambda text: f"'{_shown(text)}'",
    "toString": _shown,
    "normalize": lambda text: normalised(_shown(text)),
    "splitList": lambda separator, text: _shown(text).split(separator),
    "join": lambda separator, parts: separator.join(map(_shown, parts)),
    "last": lambda parts: parts[-1],
    "first": lambda parts: parts[0],
}
