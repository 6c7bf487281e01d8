"""Structured logging: JSON lines on standard error, readable on terminals.

Event names are stable lower-case phrases, facts are keys. Code that knows an application binds it once with
`structlog.contextvars.bound_contextvars`; libraries that use the standard library's logging end up in the same stream.

Every text is redacted on its way out: errors of libraries quote addresses and headers, and tracebacks hold their causes.

structlog is loaded with the first line: commands write none as a rule, and it costs a third of their start.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

from gitops_agent.observe.redaction import scrub

if TYPE_CHECKING:
    import structlog

Trace = Callable[[object], tuple[str, str] | None]
"""From an application to the ids of the trace and span that are under way for it."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str = "info", form: str = "auto") -> None:
    """Sets the process's logging up.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `json`, `console`, or `auto` for console on a terminal.
    """
    import structlog

    _OUTPUT.silent = False
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_trace,
        _flatten_errors,
    ]
    if console:
        renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(exception_formatter=_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_dumps)
    # Without local variables: those of a failing function may hold a Secret or a token.
    tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    chain: list[structlog.typing.Processor] = [*shared, _redact] if console else [*shared, tracebacks, _redact]
    structlog.configure(
        processors=[*chain, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=chain))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def configure_command(*, verbose: bool) -> None:
    """Sets a command's logging up: from `info` on with --verbose."""
    _OUTPUT.silent = not verbose
    if verbose:
        import structlog

        before = structlog.get_config()["processors"][:-1]
        structlog.configure(
            processors=[*before, _redact, structlog.dev.ConsoleRenderer(exception_formatter=_traceback)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )


def correlate(trace: Trace) -> None:
    """Adds `trace_id` and `span_id` to lines about an application under way.

    Args:
        trace: the ids of the trace and span of an application, if it has one now.
    """
    _OUTPUT.trace = trace


class Logger:
    """Writes lines that name the room they come from.

    Args:
        room: the part of the program.
    """

    def __init__(self, room: str) -> None:
        self._room = room
        self._bound: Any = None

    def debug(self, event: str, **facts: Any) -> None:
        """Writes a line of the level debug."""
        self._write("debug", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        """Writes a line of the level info."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Writes a line of the level warning."""
        self._write("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Writes a line of the level error."""
        self._write("error", event, facts)

    def exception(self, event: str, **facts: Any) -> None:
        """Writes a line of the level error, with the traceback."""
        self._write("exception", event, facts)

    def _write(self, method: str, event: str, facts: dict[str, Any]) -> None:
        if _OUTPUT.silent:
            return
        if self._bound is None:
            import structlog

            self._bound = structlog.get_logger(room=self._room)
        getattr(self._bound, method)(event, **facts)


class _Output:
    """Whether lines are dropped before they are made."""

    silent = False
    trace: Trace | None = None
    """Knows the trace of an application."""


_OUTPUT = _Output()


def logger(room: str) -> Logger:
    """A logger that names the room it speaks for."""
    return Logger(room)


def _name_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Names the trace of the application that a line is about."""
    application = event.get("application")
    if _OUTPUT.trace is not None and application is not None and (ids := _OUTPUT.trace(application)) is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def _flatten_errors(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces an error value by its text, reason and facts.

    Not its traceback.
    """
    error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = str(error)
        event.setdefault("reason", getattr(error, "reason", type(error).__name__))
    return event


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Removes what looks like a credential from every text of a line."""
    for name, value in event.items():
        if name != "exc_info" and not name.startswith("_"):
            event[name] = _without_credentials(value)
    return event


def _without_credentials(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {name: _without_credentials(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_credentials(part) for part in value]
    if isinstance(value, bytes):
        return scrub(value.decode("utf-8", "replace"))
    return value if value is None or isinstance(value, int | float) else scrub(str(value))


def _traceback(out: TextIO, error: Any) -> None:
    """Writes a traceback for the console, without credentials."""
    from structlog.dev import plain_traceback

    text = StringIO()
    plain_traceback(text, error)
    out.write(scrub(text.getvalue()))


def _dumps(value: Any, **_: Any) -> str:
    import orjson

    return orjson.dumps(value, default=str).decode()
