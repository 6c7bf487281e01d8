"""The two sides of a diff, as the address names them.

A plan is not kept: its hash, its commit and its result are. The plan that waits or is current is made anew; an earlier one
stands for the commit that it applied.
"""

from __future__ import annotations

import re

from gitops_agent.api.application_row import SHORT, summary
from gitops_agent.errors import NotFound, UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.server.answers.application import commit_of
from gitops_agent.server.application_row import waiting_hash
from gitops_agent.server.views.changes import DiffSide

_HASH = re.compile(r"[0-9a-f]{8,64}\Z")
_LONGEST = 128


def sides(from_: str, to: str, live: Object) -> tuple[DiffSide, DiffSide]:
    """The left and the right side.

    Raises:
        UsageError: one cannot be read, or both are the same state of the cluster.
        NotFound: a plan is not known any more.
    """
    left, right = _side(from_, "from", live), _side(to, "to", live)
    if left.kind == right.kind == "live":
        raise UsageError("from=live and to=live are the same: name a plan or a commit for one of them")
    return left, right


def _side(text: str, name: str, live: Object) -> DiffSide:
    kind, colon, value = text.partition(":")
    if text == "live":
        return DiffSide(kind="live", label="live")
    if text == "plan":
        commit = commit_of(live, str(((live.get("status") or {}).get("source") or {}).get("revision") or ""))
        return DiffSide(kind="plan", label=commit.short or "plan", commit=commit)
    if kind == "plan" and _HASH.match(value):
        return _plan(value, live)
    if kind == "rev" and colon and value and len(value) <= _LONGEST and not value.startswith("-"):
        return DiffSide(kind="revision", label=value[:SHORT], commit=commit_of(live, value))
    raise UsageError(f"{name}={text[:60]}: say live, plan, plan:HASH, or rev:COMMIT")


def _plan(digits: str, live: Object) -> DiffSide:
    status = live.get("status") or {}
    present = {str((status.get("sync") or {}).get("plan") or ""), waiting_hash(live, summary(live)["reason"])}
    if any(plan.startswith(digits) for plan in present):
        return _side("plan", "", live)
    for entry in status.get("history") or ():
        if str(entry.get("plan") or "").startswith(digits):
            commit = commit_of(live, str(entry.get("revision") or ""))
            return DiffSide(kind="revision", label=f"plan {digits[:SHORT]}", commit=commit)
    raise NotFound(
        f"plan {digits[:SHORT]} is neither the present one nor in the history of {live['metadata']['name']}: "
        "name a commit with rev:COMMIT",
        status=404,
    )
