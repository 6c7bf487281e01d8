"""Result of one apply: live, failed and waiting objects, and retries. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gitops_agent.agent.reconcile.outcome import ObjectIssue, Requeue
from gitops_agent.agent.stores.prerequisites import REASONS as PREREQUISITES
from gitops_agent.agent.work_queue import Priority
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.sync.action import HANDED_OVER, LEFT_BEHIND, MAY_MOVE, OWNED_BY_ANOTHER, REMARKED, Action, ActionKind
from gitops_agent.sync.apply.errors import describe
from gitops_agent.sync.apply.executor import Result
from gitops_agent.sync.desired import LEFT_OUT
from gitops_agent.sync.planning.plan import Plan

_LISTED = LEFT_BEHIND | {OWNED_BY_ANOTHER}
"""Reasons that are problems of an object though the plan skips it."""


_NOTHING: Mapping[ObjectKey, AppKey] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """Result of one apply.

    Attributes:
        synced: every declared object is live as declared, and nothing of the application is left over.
        held: why the plan waits for approval, empty when it does not.
        waiting: what it waits for, in words.
        problems: objects that failed, drifted or wait.
        error: why no plan could be made.
        retry: seconds after which to retry failures (0: backoff decides); None when there are none.
        in_sync: declared objects that are live as declared.
        drifted: objects that deviate and were left alone.
        fought: those of them that others keep changing back.
        again: seconds after which one of them is repaired again.
        recount: seconds after which the count of a held plan is too old; None when none is held.
        recheck: seconds after which the other tools that manage objects are asked again; None when none does.
        begun: something was written that no rollout asked for, so that the commit is under way.
        passed: an approval let the plan through a closed window.
        awaits_window: something is not written, because a window is closed.
        advanced: something was written, and all that failed may pass by itself.
        awaited: reasons of failures that end when a CRD or a Namespace comes.
        warnings: facts about the plan that need a user's action.
        relieved: Applications whose former objects were taken over.
        inherits: objects that were taken over have fields that another tool left.
    """

    synced: bool = False
    held: str = ""
    waiting: str = ""
    problems: tuple[ObjectIssue, ...] = ()
    error: AgentError | None = None
    retry: float | None = None
    in_sync: int = 0
    drifted: int = 0
    fought: frozenset[ObjectKey] = frozenset()
    again: float | None = None
    recount: float | None = None
    recheck: float | None = None
    begun: bool = False
    passed: bool = False
    awaits_window: bool = False
    advanced: bool = False
    awaited: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    relieved: frozenset[AppKey] = frozenset()
    inherits: bool = False

    @property
    def requeue(self) -> tuple[Requeue, ...]:
        """When failures are retried, and objects in a fight repaired again."""
        requeues = []
        if self.retry is not None:
            requeues.append(Requeue(reason="retry of what failed", delay=self.retry, backoff=True))
        if self.again is not None:
            requeues.append(Requeue(reason="a fight may be over", delay=self.again))
        if self.recount is not None:
            requeues.append(Requeue(reason="the dependants of held deletions are counted again", delay=self.recount))
        if self.recheck is not None:
            requeues.append(Requeue(reason="another GitOps tool may have let go", delay=self.recheck))
        if self.inherits:
            requeues.append(Requeue(reason="another tool left fields on what was taken over", priority=Priority.DRIFT))
        return tuple(requeues)


def build_result(
    plan: Plan,
    ran: Plan,
    result: Result,
    refused: Mapping[ObjectKey, AgentError],
    *,
    terminating: Sequence[Action],
    held_back: Collection[ObjectKey] = (),
    moving: Mapping[ObjectKey, AppKey] = _NOTHING,
) -> ApplyResult:
    """Builds the result of an apply.

    Args:
        plan: all of the plan.
        ran: what of it was allowed.
        result: of the execution.
        refused: what the dry run refused.
        terminating: deletions that were sent and whose objects are still there.
        held_back: objects that are not applied because others are refused.
        moving: objects that other Applications declare now, and which.
    """
    errors = {**refused} | {outcome.key: outcome.error for outcome in result.outcomes if outcome.error is not None}
    done = {outcome.key for outcome in result.outcomes if outcome.ok}
    kept = [action for action in ran.actions if action.reason == MAY_MOVE]
    finished = done | {action.key for action in kept}
    listed = [action for action in (*plan.actions, *kept) if action.reason in _LISTED]
    left = [action for action in plan.changes() if action.key not in finished and action.reason != REMARKED]
    fought = {action.key: action for action in ran.actions if action.reason == "Fighting"}
    drifted = [fought.get(action.key, action) for action in left if _deviates(action) and action.key not in errors]
    waits = [action for action in ran.actions if action.kind is ActionKind.WAIT and action.key not in errors]
    waits += [
        replace(action, kind=ActionKind.WAIT, reason="Terminating", message="it is being deleted") for action in terminating
    ]
    texts = _texts(plan, errors)
    awaited = [f"{key}: {text}" for key, text in texts.items() if errors[key].reason in PREREQUISITES]
    total = sum(1 for action in plan.actions if action.manifest is not None and action.reason not in LEFT_OUT)
    behind = sum(1 for action in left if action.manifest is not None)
    rollouts = {action.key for action in ran.actions if action.rollout}
    after = max((getattr(error, "retry_after", None) or 0.0 for error in errors.values()), default=0.0)
    return ApplyResult(
        synced=not left and not terminating and not result.waiting and not errors and not plan.verdict.held,
        held=plan.verdict.message if plan.verdict.held else "",
        waiting=_waiting(result, waits, awaited),
        fought=frozenset(fought),
        awaited=frozenset(error.reason for error in errors.values()) & PREREQUISITES,
        problems=(
            *_issues(result, errors=errors, texts=texts, drifted=drifted, waits=waits),
            *_missing(ran, held_back, errors),
            *(ObjectIssue(key=a.key, reason=a.reason, message=a.message) for a in listed),
            *(ObjectIssue(key=key, reason=HANDED_OVER, message=_moving(to)) for key, to in sorted(moving.items())),
        ),
        warnings=plan.warnings,
        retry=after if errors else None,
        begun=any(outcome.changed for outcome in result.outcomes if outcome.key not in rollouts),
        advanced=any(outcome.changed for outcome in result.outcomes) and all(error.transient for error in errors.values()),
        in_sync=total - behind,
        drifted=len(drifted),
    )


def _moving(to: AppKey) -> str:
    return f"Application {to} declares it now and has yet to take it over"


def _issues(
    result: Result,
    *,
    errors: Mapping[ObjectKey, AgentError],
    texts: Mapping[ObjectKey, str],
    drifted: Sequence[Action],
    waits: Sequence[Action],
) -> tuple[ObjectIssue, ...]:
    """Every object that is not as declared: failures first."""
    issues = [ObjectIssue(key=key, reason=errors[key].reason, message=text) for key, text in texts.items()]
    issues += [ObjectIssue(key=w.key, reason="WaitingFor", message=f"waits for {w.why}") for w in result.waiting]
    issues += [ObjectIssue(key=a.key, reason=a.reason or "Drifted", message=a.message or "deviates") for a in drifted]
    listed = {issue.key for issue in issues}
    issues += [ObjectIssue(key=a.key, reason=a.reason or "WaitingFor", message=a.message) for a in waits if a.key not in listed]
    return tuple(issues)


def _missing(ran: Plan, held_back: Collection[ObjectKey], errors: Mapping[ObjectKey, AgentError]) -> Iterator[ObjectIssue]:
    """The objects that are held back and do not exist yet."""
    for action in ran.actions:
        if action.key in held_back and action.live is None and action.key not in errors:
            yield ObjectIssue(key=action.key, reason="Missing", message=action.message)


def _texts(plan: Plan, errors: Mapping[ObjectKey, AgentError]) -> dict[ObjectKey, str]:
    """Text of every failure, with the file where a commit fixes it."""
    manifests = {action.key: action.manifest for action in plan.actions if action.manifest is not None}
    texts = {}
    for key, error in sorted(errors.items()):
        manifest = manifests.get(key)
        text = describe(error, manifest.obj if manifest is not None else None)
        named = manifest is not None and (not error.transient or error.reason in PREREQUISITES)
        texts[key] = f"{manifest.file}: {text}" if manifest is not None and named else text
    return texts


def _waiting(result: Result, waits: Sequence[Action], awaited: Sequence[str]) -> str:
    texts = [f"{waiting.key} waits for {waiting.why}" for waiting in result.waiting]
    texts += [*(f"{action.key}: {action.message}" for action in waits), *awaited]
    if not texts:
        return ""
    return texts[0] + (f" (and {len(texts) - 1} more)" if len(texts) > 1 else "")


def _deviates(action: Action) -> bool:
    """Whether an object drifted, or deviates because mode observe changes nothing."""
    return action.drift or (action.reason == "Observing" and action.manifest is not None)
