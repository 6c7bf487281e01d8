"""Renders a user's Jinja2 template in a sandbox with limits.

Problem: Jinja's own sandbox keeps a template away from Python, but not from the processor and the memory: doublings and a loop
in a loop are enough for any machine, and a thread cannot be killed. Decision: a language without the means. A template may
print, branch, loop and filter; it may not assign, define, call, multiply or import. Then the work is bounded by its own length
times the number of loop rounds, and those are counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gitops_agent.errors import AgentError
from gitops_agent.manifest.revision_name import short
from gitops_agent.notify.message import Message
from gitops_agent.observe.redaction import scrub

OUTPUT_CHARACTERS = 4000
"""Of the text a template makes."""

_SOURCE_CHARACTERS = 16_384
_ROUNDS = 10_000
_SECONDS = 1.0
_DEPTH = 32
_FILTERS = (
    "capitalize",
    "default",
    "first",
    "last",
    "length",
    "list",
    "lower",
    "sort",
    "string",
    "title",
    "trim",
    "unique",
    "upper",
)

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Concat,
    nodes.Tuple,
    nodes.List,
    nodes.Keyword,
)


def render(source: str, message: Message) -> str:
    """The text of a message.

    Args:
        source: the template; it sees `application`, `namespace`, `name`, `event`, `severity`, `reason`, `message`, `title`,
            `revision` (`repository`, `ref`, `commit`, `short`, `author`, `subject`), `objects`, `facts`, `count` and `at`.
        message: what happened.

    Returns:
        at most 4,000 characters, scrubbed.

    Raises:
        AgentError: the template is wrong, or does too much (reason `TemplateFailed`).
    """
    try:
        template = _compiled(source)
        budget = _Budget()
        parts: list[str] = []
        for part in template.generate(**_context(message), _budget=budget):
            parts.append(part)
            budget.written(part)
    except _TooMuch as error:
        raise AgentError(f"the template does too much: {error}", reason="TemplateFailed") from None
    except TemplateError as error:
        number = getattr(error, "lineno", None)
        line = f"line {number}: " if number else ""
        raise AgentError(
            f"the template is wrong: {line}{error.message or type(error).__name__}", reason="TemplateFailed"
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever an expression of a user's may raise
        text = " ".join(str(error).split())[:200]
        raise AgentError(f"the template failed: {type(error).__name__}: {text}", reason="TemplateFailed") from None
    return scrub("".join(parts)).strip()


class _TooMuch(Exception):
    """A cap was reached."""


class _Budget:
    """Limits the loop rounds and the time of one rendering."""

    def __init__(self) -> None:
        self._rounds = self._characters = 0
        self._deadline = time.monotonic() + _SECONDS

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise _TooMuch(f"it took longer than {_SECONDS:g} s")

    def written(self, part: str) -> None:
        self._characters += len(part)
        if self._characters > OUTPUT_CHARACTERS:
            raise _TooMuch(f"its text has more than {OUTPUT_CHARACTERS} characters")
        self.check()

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self._rounds += 1
            if self._rounds > _ROUNDS:
                raise _TooMuch(f"its loops run more than {_ROUNDS} rounds")
            self.check()
            yield value


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    environment.globals.clear()
    filters: dict[str, Callable[..., Any]] = {name: environment.filters[name] for name in _FILTERS}
    filters |= {"join": _join, "truncate": _truncate, "counted": lambda values, budget: budget.counted(values)}
    environment.filters.clear()
    environment.filters.update(filters)
    return environment


def _join(values: Iterable[Any], separator: str = "") -> str:
    texts = [str(value) for value in values]
    if sum(map(len, texts)) + len(texts) * len(separator) > OUTPUT_CHARACTERS:
        raise _TooMuch(f"it joins more than {OUTPUT_CHARACTERS} characters")
    return separator.join(texts)


def _truncate(value: Any, length: int = 100) -> str:
    text = str(value)
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


@lru_cache(maxsize=64)
def _compiled(source: str) -> Any:
    """The checked and compiled template, with a counter in every loop."""
    if len(source) > _SOURCE_CHARACTERS:
        raise _TooMuch(f"it has more than {_SOURCE_CHARACTERS} characters")
    environment = _environment()
    tree = environment.parse(source)
    _check(tree, 0)
    for loop in list(tree.find_all(nodes.For)):
        if loop.recursive:
            raise TemplateError("loops cannot call themselves")
        loop.iter = nodes.Filter(loop.iter, "counted", [nodes.Name("_budget", "load")], [], None, None)
    tree.set_environment(environment)
    return environment.from_string(tree)


def _check(node: nodes.Node, depth: int) -> None:
    if depth > _DEPTH:
        raise _TooMuch(f"it is nested deeper than {_DEPTH}")
    if not isinstance(node, _ALLOWED):
        error = TemplateError(f"{type(node).__name__.lower()} is not available in templates of messages")
        raise _at(error, node)
    if isinstance(node, nodes.Name) and node.name.startswith("_"):
        raise _at(TemplateError(f"there is no {node.name}"), node)
    for child in node.iter_child_nodes():
        _check(child, depth + 1)


def _at(error: TemplateError, node: nodes.Node) -> TemplateError:
    error.lineno = node.lineno  # type: ignore[attr-defined]
    return error


def _context(message: Message) -> dict[str, Any]:
    return {
        "application": str(message.application),
        "namespace": message.application.namespace,
        "name": message.application.name,
        "event": message.event.value,
        "severity": message.severity.value,
        "reason": message.reason,
        "message": message.text,
        "title": message.title,
        "link": message.link,
        "at": message.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "revision": {
            "repository": message.repository,
            "ref": message.ref,
            "commit": message.commit,
            "short": short(message.commit),
            "author": message.author,
            "subject": message.subject,
        },
        "objects": message.objects,
        "facts": dict(message.facts),
        "count": message.count,
    }
