"""The status of Applications as rows and facts, for commands and chats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitops_agent.api.application_row import SHORT, source_text, summary
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import FOLLOWED, annotation
from gitops_agent.operations.requests import source_approval
from gitops_agent.operations.sync_window import closed_window, has_windows

if TYPE_CHECKING:
    from gitops_agent.rollout.progress import RolloutProgress

HEADERS = ("application", "ready", "sync", "health", "revision", "message")
_ORDER = ("Degraded", "Unknown", "Missing", "Progressing", "Suspended", "Healthy")
_READY = {"True": "yes", "False": "no"}


def badness(application: Object) -> tuple[int, int, str]:
    """Sort key: unhealthy first."""
    row = summary(application)
    urgent = {"False": 0, "Unknown": 1, "True": 2}.get(row["ready"], 1)
    health = _ORDER.index(row["health"]) if row["health"] in _ORDER else 0
    return urgent, health, row["name"]


def status_row(application: Object) -> tuple[str, str, str, str, str, str]:
    """The cells of an Application, as `HEADERS` names them."""
    row = summary(application)
    revision = (
        row["applied"] if row["applied"] == row["seen"] or not row["seen"] else f"{row['applied'] or '-'} → {row['seen']}"
    )
    return row["name"], row["ready"], row["sync"], row["health"], revision, row["message"]


def status_facts(application: Object, rollouts: Sequence[RolloutProgress] = ()) -> list[tuple[str, str]]:
    """Titles and texts about one Application.

    Args:
        application: as last read.
        rollouts: those of it whose approval is named, worst first.
    """
    row, status_ = summary(application), application.get("status") or {}
    spec, source = application["spec"], status_.get("source") or {}
    facts = [
        ("Application", f"{application['metadata']['namespace']}/{row['name']}"),
        ("Source", source_text(spec["source"])),
        ("Seen", f"{row['seen']} {source.get('subject', '')} ({source.get('author', '')})" if row["seen"] else "nothing yet"),
        ("Applied", row["applied"] or "nothing yet"),
        *(
            ("Values", f"{revision['commit'][:SHORT]} ({revision['ref']} of {revision['repository']})")
            for revision in source.get("values") or ()
        ),
        ("Sync", row["sync"]),
        ("Health", row["health"]),
        ("Ready", f"{_READY.get(row['ready'], 'not yet')}, {row['reason']}: {row['message']}"),
    ]
    resources = status_.get("resources") or {}
    if resources:
        counts = [f"{resources.get(key, 0)} {key}" for key in ("total", "synced", "drifted", "unhealthy")]
        if resources.get("leftOut"):
            counts.append(f"{resources['leftOut']} left out")
        facts.append(("Objects", ", ".join(counts)))
    if source.get("unavailableSince"):
        facts.append(("Unavailable", f"since {source['unavailableSince']}: {source.get('message', '')}"))
    if annotation(application, FOLLOWED):
        facts.append(("Pinned", f"by a rollback; undo it with `gitops-agent rollback {row['name']} --undo`"))
    facts += signatures(application)
    facts += _window(application)
    if row["reason"] in ("HeldForApproval", "WindowClosed"):
        plan = str((status_.get("sync") or {}).get("plan") or "")
        facts.append(("Approve", f"gitops-agent approve {row['name']} {plan[:SHORT]}"))
    approved = (status_.get("sync") or {}).get("approved") or {}
    if approved:
        by = f" by {approved['by']}" if approved.get("by") else ""
        facts.append(("Approved", f"plan {str(approved.get('hash'))[:SHORT]}{by} at {approved.get('at')}"))
    deletions = (status_.get("sync") or {}).get("deletions") or {}
    if deletions:
        facts.append(("Deleted", f"{deletions.get('count')} objects without approval, the last at {deletions.get('at')}"))
    facts += [("Warning", str(warning)) for warning in status_.get("warnings") or ()]
    facts += [("Approve", f"gitops-agent rollout approve {rollout.key}") for rollout in rollouts if rollout.approval]
    return facts


def signatures(application: Object) -> list[tuple[str, str]]:
    """The last verified commit, and those that are not followed."""
    source = (application.get("status") or {}).get("source") or {}
    verified, unverified = source.get("verified") or {}, source.get("unverified") or {}
    facts = []
    if verified:
        key = f" with {verified.get('kind')} key {verified['key']}" if verified.get("key") else ""
        by = f", signed by {verified.get('signer')}{key}" if key else ", where trust begins"
        facts.append(("Verified", f"{str(verified.get('revision'))[:SHORT]}{by}"))
    commits = unverified.get("commits") or []
    shown = (f"{str(each.get('commit'))[:SHORT]} ({each.get('author', '')}) {each.get('reason', '')}" for each in commits)
    facts += [("Unverified", text) for text in shown]
    if unverified.get("count", 0) > len(commits):
        facts.append(("Unverified", f"and {unverified['count'] - len(commits)} more"))
    approval = source_approval(application)
    if approval:
        facts.append(("Approve", f"gitops-agent approve {application['metadata']['name']} {approval[:SHORT]}"))
    return facts


def _window(application: Object) -> list[tuple[str, str]]:
    """Whether the windows of an application are open now; nothing without windows."""
    from gitops_agent.api.problems import SpecInvalid

    if not has_windows(application):
        return []
    try:
        closed = closed_window(application)
    except SpecInvalid:
        return []
    if closed is None:
        return [("Window", "open")]
    until = closed.opens.isoformat(timespec="seconds") if closed.opens else "no time in sight"
    return [("Window", f"closed until {until} ({closed.windows})")]
