"""Structured logging: JSON lines on standard error, readable on terminals.

Event names are stable lower-case phrases, facts are keys. Code that knows an application binds it once with
`structlog.contextvars.bound_contextvars`; libraries that use the standard library's logging end up in the same stream.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, cast

import orjson
import structlog

# Without local variables: those of a failing function may hold a Secret or a token.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str = "info", form: str = "auto") -> None:
    """Sets the process's logging up.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `json`, `console`, or `auto` for console on a terminal.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _flatten_errors,
    ]
    if console:
        renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_dumps)
    structlog.configure(
        processors=[*shared, renderer] if console else [*shared, _tracebacks, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def logger(room: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that names the room it speaks for."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(room=room))


def _flatten_errors(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces an error value by its text, reason and facts.

    Not its traceback.
    """
    error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = str(error)
        event.setdefault("reason", getattr(error, "reason", type(error).__name__))
    return event


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()
