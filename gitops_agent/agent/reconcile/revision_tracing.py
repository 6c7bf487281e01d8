"""Reports to the traces what the stages of a reconcile did.

Everything here returns at once where no traces are sent. What becomes an attribute are names, hashes, counts and reason codes,
never a text of an error or a value of an object.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.status_builder import ready
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.manifest.key import Object
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.apply.executor import Result
from gitops_agent.sync.health.status import Status
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.telemetry.traces import TRACES, Standing, Step, Subject

if TYPE_CHECKING:
    from gitops_agent.api.application import Application

_PROVIDERS = ("github", "gitlab", "bitbucket", "gitea", "gitee", "azure")
"""Names of Git hosts that are part of their host names."""


def planned(application: Application, plan: Plan, start: int) -> None:
    """A plan was made; one of a new commit begins a trace."""
    if not TRACES.enabled or application.deleting:
        return
    sync = (application.raw.get("status") or {}).get("sync") or {}
    if plan.hash == sync.get("plan") or plan.revision.commit == sync.get("revision"):
        return
    intents = Counter(action.intent.value for action in plan.changes())
    facts = {f"gitops_agent.plan.{intent}": count for intent, count in sorted(intents.items())}
    TRACES.planned(_subject(application.raw, plan.revision), plan.hash, start, facts)


def applied(application: Application, plan: Plan, result: Result, start: int) -> None:
    """A plan was executed, as far as it could be."""
    if not TRACES.enabled or not plan.writes:
        return
    kinds = Counter(outcome.kind.value for outcome in result.outcomes if outcome.ok)
    failed = [outcome.error for outcome in result.outcomes if outcome.error is not None]
    facts = {f"gitops_agent.apply.{kind}": count for kind, count in sorted(kinds.items())}
    facts |= {"gitops_agent.apply.failed": len(failed)} if failed else {}
    error = failed[0].reason if failed else ""
    TRACES.applied(str(application.key), plan.revision.commit, start, error, facts)


def stands(raw: Object, outcome: ReconcileOutcome) -> None:
    """A reconcile has ended."""
    if not TRACES.enabled or outcome.revision is None or outcome.suspended:
        return
    value, reason, _ = ready(outcome)
    on_trial = outcome.rollback is not None and outcome.rollback.on_trial
    kind = reason_of(reason)
    lasting = kind.kind is ReasonKind.FAILURE and not kind.transient and reason != Status.UNKNOWN.value
    failed = value is False and ((lasting and not (on_trial and reason == Status.DEGRADED.value)) or reason == "RolledBack")
    standing = Standing(
        commit=outcome.revision.commit,
        plan=outcome.plan,
        live=value is True and outcome.sync is SyncStatus.SYNCED,
        failure=reason if failed else "",
        unplanned=outcome.error is not None and failed,
        steps=tuple(
            Step(name=f"{rollout.policy.namespace}/{rollout.policy.name}", phase=str(rollout.phase), weight=rollout.weight)
            for rollout in outcome.rollouts
            if rollout.running
        ),
    )
    TRACES.stands(_subject(raw, outcome.revision), standing)


def _subject(raw: Object, revision: Revision) -> Subject:
    metadata = raw["metadata"]
    ref = ((raw.get("spec") or {}).get("source") or {}).get("ref") or {}
    kind = "branch" if ref.get("branch") else "tag" if ref.get("tag") or ref.get("semver") else ""
    host = urlsplit(revision.repository).hostname or revision.repository.partition(":")[0]
    facts = {
        "vcs.repository.url.full": revision.repository,
        "vcs.ref.head.name": revision.ref,
        "vcs.ref.head.type": kind,
        "vcs.provider.name": next((name for name in _PROVIDERS if name in host), ""),
    }
    return Subject(
        application=f"{metadata['namespace']}/{metadata['name']}",
        commit=revision.commit,
        message=revision.message,
        facts={name: value for name, value in facts.items() if value},
    )
