"""The list of Applications: filter, sort, pages."""

from __future__ import annotations

from collections.abc import Callable

from gitops_agent.errors import UsageError
from gitops_agent.server.answers.call import Answer, Call, now
from gitops_agent.server.application_row import counted, worst_first
from gitops_agent.server.views.applications import ApplicationList, ApplicationRow

_MOST = 2_000
_YES = {"yes": "True", "no": "False", "unknown": "Unknown", "true": "True", "false": "False"}
Test = Callable[[ApplicationRow], bool]


def applications(call: Call) -> ApplicationList:
    """The page that the address names."""
    service = call.service
    service.rows.activate(service.source.applications())
    epoch, seq, entries = service.rows.snapshot()
    visible = call.viewer.seen([key for key, _ in entries])
    rows = [entry.row for key, entry in entries if key in visible]
    chosen = [row for row in rows if matches(call.query["filter"])(row)] if call.query["filter"] else rows
    sort = call.query["sort"]
    if sort.lstrip("-") not in ("worst", "name"):
        raise UsageError(f"sort={sort}: say worst or name, with - before it for the reverse")
    chosen.sort(key=worst_first if sort.endswith("worst") else lambda row: (row.ns, row.name), reverse=sort.startswith("-"))
    limit = number(call.query["limit"], "limit", lowest=1, highest=_MOST)
    start = number(call.query["continue"] or "0", "continue", lowest=0, highest=1_000_000)
    end = start + limit
    return ApplicationList(
        epoch=epoch,
        seq=seq,
        rows=tuple(chosen[start:end]),
        total=len(chosen),
        counts=counted(rows),
        continue_=str(end) if end < len(chosen) else "",
        namespaces=tuple(sorted({row.ns for row in rows})),
        as_of=now(),
        source=service.source.name,
    )


def matches(text: str) -> Test:
    """The test of a filter: every token has to hold.

    Tokens are `ready:no`, `state:held`, `ns:pay`, `commit:3f2`, `author:li`, `reason:Degraded`, `label:team=pay` or a word.
    """
    tests = [_token(token) for token in text.lower().split()]
    return lambda row: all(test(row) for test in tests)


def _token(token: str) -> Test:
    name, colon, value = token.partition(":")
    tests: dict[str, Test] = {
        "ready": lambda row: row.ready == _YES.get(value, value),
        "state": lambda row: row.state.value.lower() == value,
        "ns": lambda row: value in row.ns.lower(),
        "name": lambda row: value in row.name.lower(),
        "commit": lambda row: row.applied.startswith(value) or row.seen.startswith(value),
        "author": lambda row: value in row.author.lower(),
        "reason": lambda row: row.reason.lower() == value,
        "sync": lambda row: row.sync.lower() == value,
        "health": lambda row: row.health.lower() == value,
        "label": lambda row: any(value in (key.lower(), f"{key}={text}".lower()) for key, text in row.labels.items()),
    }
    if colon and name in tests:
        return tests[name]
    return lambda row: any(token in text.lower() for text in (row.name, row.ns, row.message, row.subject, row.reason))


def number(text: str, name: str, *, lowest: int, highest: int) -> int:
    """A whole number of the address.

    Raises:
        UsageError: it is none, or out of bounds.
    """
    if not text.isascii() or not text.isdigit() or not lowest <= int(text[:12]) <= highest:
        raise UsageError(f"{name}={text[:40]}: say a whole number from {lowest} to {highest}")
    return int(text)


ANSWERS: dict[str, Answer] = {"applications": applications}
