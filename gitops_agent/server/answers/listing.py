"""The list of Applications: filter, sort, pages."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from gitops_agent.errors import UsageError
from gitops_agent.server.answers.call import Answer, Call, now
from gitops_agent.server.application_row import counted, urgency
from gitops_agent.server.rows import RowEntry
from gitops_agent.server.views.applications import ApplicationList, ApplicationRow

_MOST = 2_000
_YES = {"yes": "True", "no": "False", "unknown": "Unknown", "true": "True", "false": "False"}
Test = Callable[[ApplicationRow], bool]


def applications(call: Call) -> ApplicationList:
    """The page that the address names."""
    service = call.service
    service.rows.activate(service.source.applications())
    epoch, seq, entries = service.rows.snapshot()
    visible = call.viewer.seen([entry.key for entry in entries])
    shown = [entry for entry in entries if entry.key in visible]
    chosen = shown
    if call.query["filter"]:
        test = matches(call.query["filter"])
        chosen = [entry for entry in shown if test(entry.row())]
    sort = call.query["sort"]
    if sort.lstrip("-") not in ("worst", "name"):
        raise UsageError(f"sort={sort}: say worst or name, with - before it for the reverse")
    # Two stable sorts by what exists: ten thousand new tuples would set off a collection of all that the agent holds.
    chosen = sorted(chosen, key=attrgetter("key"), reverse=sort.startswith("-"))
    if sort.endswith("worst"):
        chosen.sort(key=_urgency, reverse=sort.startswith("-"))
    limit = number(call.query["limit"], "limit", lowest=1, highest=_MOST)
    start = number(call.query["continue"] or "0", "continue", lowest=0, highest=1_000_000)
    end = start + limit
    return ApplicationList(
        epoch=epoch,
        seq=seq,
        rows=tuple(entry.row() for entry in chosen[start:end]),
        total=len(chosen),
        counts=counted(entry.state for entry in shown),
        continue_=str(end) if end < len(chosen) else "",
        namespaces=tuple(sorted({entry.key.namespace for entry in shown})),
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


def _urgency(entry: RowEntry) -> int:
    return urgency(entry.state)


ANSWERS: dict[str, Answer] = {"applications": applications}
