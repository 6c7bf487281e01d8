"""Errors as answers: RFC 9457, with the reasons of the table."""

from __future__ import annotations

from typing import Any

import orjson

from gitops_agent.api.reasons import reason_of
from gitops_agent.errors import (
    AgentError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
    UsageError,
)
from gitops_agent.server.plain_text import plain
from gitops_agent.server.views.problem import ProblemView

MEDIA = "application/problem+json"

_STATUSES: tuple[tuple[type[AgentError], int], ...] = (
    (Unauthorized, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Throttled, 429),
    (Invalid, 422),
    (Unavailable, 503),
    (UsageError, 422),
)
_BY_REASON = {"CommandRefused": 409}


class RequestProblem(AgentError):
    """A request that is refused before any answer is made.

    Args:
        status: of HTTP.
        message: for people.
        reason: a code from the table of reasons.
        retry_after: seconds to wait.
    """

    def __init__(self, status: int, message: str, *, reason: str, retry_after: int = 0) -> None:
        super().__init__(message, reason=reason)
        self.status = status
        self.retry_after = retry_after


def problem(error: AgentError, *, mode: str = "") -> ProblemView:
    """The answer to an error."""
    reason = reason_of(error.reason)
    return ProblemView(
        title=reason.meaning,
        status=status_of(error),
        detail=plain(str(error), 2000),
        reason=error.reason,
        remedy=reason.remedy,
        mode=mode,
    )


def status_of(error: AgentError) -> int:
    """The HTTP status of an error; 502 for repositories and renders."""
    if isinstance(error, RequestProblem):
        return error.status
    if error.reason in _BY_REASON:
        return _BY_REASON[error.reason]
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 502)


def encoded(view: ProblemView) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers."""
    value: dict[str, Any] = view.model_dump(by_alias=True)
    return view.status, orjson.dumps(value), {"content-type": MEDIA}
