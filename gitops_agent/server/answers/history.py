"""What happened to an Application: its timeline and its events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from gitops_agent.errors import AgentError, Forbidden, NotFound, SourceError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import owner
from gitops_agent.manifest.revision_name import commit_of as commit_of_revision
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.operations.delivery import DAYS, figures, lead_seconds, recovery_seconds, result_of
from gitops_agent.operations.events import events_of, times, when
from gitops_agent.operations.history import newest_first
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.server.answers.application import commit_of
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.answers.commits import touching_commits
from gitops_agent.server.code_links import compare_link
from gitops_agent.server.plain_text import plain
from gitops_agent.server.views.base import ApplicationName, Commit
from gitops_agent.server.views.timeline import DeliveryFigures, EventList, EventView, Timeline, TimelineEntry
from gitops_agent.source.history import History


def timeline(call: Call) -> Timeline:
    """Syncs, runs of rollouts, rejected commits and the newest commit, newest first."""
    live = call.application()
    status = live.get("status") or {}
    repository = str(((live.get("spec") or {}).get("source") or {}).get("repoURL") or "")
    syncs = [each for each in status.get("history") or () if isinstance(each, dict)]
    entries = [_sync(live, each, _before(syncs, index), repository) for index, each in enumerate(syncs)]
    entries += [_run(live, raw) for raw in _runs(call)]
    for each in (status.get("rollback") or {}).get("rejected") or ():
        commit = commit_of(live, str(each.get("revision") or ""))
        entries.append(
            TimelineEntry(
                kind="rejected",
                at=str(each.get("at") or ""),
                commit=commit,
                result="RolledBack",
                message=plain(str(each.get("reason") or "")),
            )
        )
    newest = str((status.get("source") or {}).get("revision") or "")
    if newest and all(entry.commit.revision != newest for entry in entries):
        commit = commit_of(live, newest)
        entries.append(TimelineEntry(kind="seen", at=commit.committed_at, commit=commit))
    before = call.query["before"]
    chosen = [entry for entry in entries if not before or entry.at < before]
    page = Timeline(application=_name(call.key), delivery=_delivery(syncs))
    if call.query.get("commits") == "true":
        try:
            history = touching_commits(call, live)
        except (SourceError, Forbidden, NotFound) as error:
            page = page.model_copy(update={"problem": plain(f"commits that were not applied are not shown: {error}")})
        else:
            chosen = list(_with_commits(live, chosen, history))
            older = timestamp(history.before) if history.before else ""
            page = page.model_copy(update={"before": older, "skipped": history.passed})
    chosen.sort(key=lambda entry: entry.at, reverse=True)
    return page.model_copy(update={"entries": tuple(chosen)})


def events(call: Call) -> EventList:
    """The Kubernetes Events of an Application, read as the viewer."""
    live = call.application()
    listed = events_of(call.access(call.key.namespace), live)
    shown = tuple(
        EventView(
            at=when(event)[:19] + "Z",
            type=str(event.get("type") or ""),
            reason=str(event.get("reason") or ""),
            message=plain(str(event.get("note") or "")),
            times=times(event),
            object=_regarding(event),
        )
        for event in reversed(listed)
    )
    return EventList(application=_name(call.key), events=shown)


def _sync(live: Object, entry: Object, before: str, repository: str) -> TimelineEntry:
    commit = commit_of(live, str(entry.get("revision") or ""))
    if entry.get("committedAt") and not commit.committed_at:
        commit = commit.model_copy(update={"committed_at": str(entry["committedAt"])})
    return TimelineEntry(
        kind="sync",
        at=str(entry.get("started") or ""),
        commit=commit,
        result=str(entry.get("result") or ""),
        message=plain(str(entry.get("message") or "")),
        plan=str(entry.get("plan") or ""),
        duration=str(entry.get("duration") or ""),
        lead_time_seconds=lead_seconds(entry),
        outcome=_outcome(entry),
        live_at=str(entry.get("live") or ""),
        failed_at=str(entry.get("failed") or ""),
        failure=str(entry.get("failure") or ""),
        recovered_at=str(entry.get("recovered") or ""),
        recovery_seconds=recovery_seconds(entry),
        rework=bool(entry.get("rework")),
        actor=plain(str(entry.get("actor") or "")),
        approved=str(entry.get("approved") or ""),
        approver=plain(str(entry.get("approver") or "")),
        rollback=entry.get("result") == "RolledBack" or bool(entry.get("returned")),
        compare=compare_link(repository, before, commit.revision),
    )


def _with_commits(live: Object, entries: list[TimelineEntry], history: History) -> Iterator[TimelineEntry]:
    """The entries with the facts of their commits, and those between."""
    commits = {each.commit: _described(commit_of(live, each.commit), each) for each in history.commits}
    shown = {commit_of_revision(entry.commit.revision): entry.kind for entry in entries}
    for entry in entries:
        if history.before is None or entry.at >= timestamp(history.before):
            yield entry.model_copy(update={"commit": commits.get(commit_of_revision(entry.commit.revision), entry.commit)})
    arrived_with = ""
    for revision, commit in commits.items():
        if revision not in shown:
            yield TimelineEntry(kind="commit", at=commit.committed_at, commit=commit, applied_with=arrived_with)
        elif shown[revision] == "sync":
            arrived_with = commit.short


def _described(commit: Commit, revision: Revision) -> Commit:
    at = timestamp(revision.committed_at) if revision.committed_at else ""
    facts = {"subject": plain(revision.subject), "author": plain(revision.author), "committed_at": at}
    return commit.model_copy(update={name: getattr(commit, name) or fact for name, fact in facts.items()})


def _outcome(entry: Object) -> Literal["", "succeeded", "failed", "rolledBack"]:
    """What became of a deployment; a rollback is none."""
    return "" if entry.get("returned") else result_of(entry)


def _delivery(syncs: list[Object]) -> DeliveryFigures:
    """The figures of delivery, which the entries prove."""
    computed = figures(syncs, datetime.now(UTC))
    return DeliveryFigures(
        days=DAYS,
        since=timestamp(computed.since),
        deployments=computed.deployments,
        per_day=round(computed.per_day, 2),
        lead_time_seconds=computed.lead_seconds,
        failed=computed.failed,
        change_fail_rate=computed.fail_rate,
        recovery_seconds=computed.recovery_seconds,
        rework_rate=computed.rework_rate,
    )


def _before(syncs: list[Object], index: int) -> str:
    """The commit of the sync before, which may be the same."""
    return str(syncs[index + 1].get("revision") or "") if index + 1 < len(syncs) else ""


def _runs(call: Call) -> list[Object]:
    runs = []
    for policy in call.service.source.policies():
        if owner(policy) == call.key:
            progress = RolloutProgress.of(policy)
            runs += [
                {
                    "rollout": str(progress.key),
                    "ended": timestamp(run.at),
                    "revision": run.commit,
                    "hash": run.hash,
                    "result": run.result,
                    "message": run.reason,
                }
                for run in progress.state.history
            ]
    return newest_first(runs)


def _run(live: Object, raw: Object) -> TimelineEntry:
    return TimelineEntry(
        kind="rollout",
        at=str(raw["ended"]),
        commit=commit_of(live, str(raw["revision"])),
        result=str(raw["result"]),
        message=plain(str(raw["message"])),
        rollout=str(raw["rollout"]),
        version=str(raw["hash"]),
        rollback=raw["result"] == "RolledBack",
    )


def _regarding(event: Object) -> str:
    regarding = event.get("regarding") or {}
    group = str(regarding.get("apiVersion") or "").rpartition("/")[0]
    try:
        return str(ObjectKey(group, str(regarding["kind"]), str(regarding.get("namespace") or ""), str(regarding["name"])))
    except (KeyError, AgentError):
        return ""


def _name(key: AppKey) -> ApplicationName:
    return ApplicationName(namespace=key.namespace, name=key.name)


ANSWERS: dict[str, Answer] = {"timeline": timeline, "events": events}
