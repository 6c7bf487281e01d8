"""Builds the status of a RolloutPolicy and the events of transitions. Pure.

The state is written for the machine, everything else for users. Both stand in one status and are written at once, so they
never contradict each other. A restart between saving the events and writing the state finds the same events again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gitops_agent.api.conditions import set_condition
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.describe import actual_weight, awaited, describe, really, share
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Ended, Phase, RolloutState, Stage
from gitops_agent.rollout.status import to_status


def status(
    before: Object,
    state: RolloutState,
    policy: RolloutPolicySpec,
    *,
    generation: int,
    analysis: Sequence[Object],
    notes: Sequence[str] = (),
    refused: bool = False,
    flaw: str = "",
    held: Sequence[str] = (),
    now: datetime,
) -> Object:
    """The status to write.

    Args:
        before: the live one.
        state: of the rollout.
        policy: of the run, or the present one.
        generation: of the policy that was followed.
        analysis: the measurements of the run, one entry a metric.
        notes: advisories.
        refused: the API server refuses what the run would apply.
        flaw: what only another commit can correct.
        held: what it holds back of the newest commit.
        now: aware, UTC.
    """
    result = to_status(state)
    ready, reason = (False, "RolloutRefused") if flaw else _ready(state, policy, refused=refused)
    message = flaw if flaw and not state.running else describe(state, policy)
    conditions = [entry for entry in before.get("conditions") or [] if isinstance(entry, dict)]
    result["conditions"] = set_condition(conditions, "Ready", ready, reason, message, generation=generation, now=now)
    result["observedGeneration"] = generation
    result["message"] = message
    result["strategy"] = strategy(policy)
    steps = run(policy).steps
    if steps:
        result["steps"] = len(steps)
    if state.running:
        result["actualWeight"] = actual_weight(state, run(policy))
    result["verified"] = state.traffic.verified
    if waits := awaited(state, policy):
        result["approval"] = waits
    if state.until is not None and state.running:
        result["until"] = state.until.isoformat().replace("+00:00", "Z")
    if measured := _analysis(before, state, analysis):
        result["analysis"] = measured
    result["notes"] = list(notes)
    result["held"] = list(held)
    result["history"] = [_ended(entry) for entry in state.history]
    result["rejected"] = [
        {"revision": entry.commit, "hash": entry.hash, "reason": entry.reason, "at": timestamp(entry.at)}
        for entry in state.rejected
    ]
    return {name: value for name, value in result.items() if value not in ("", [], {})}


def refusal(before: Object, message: str, *, generation: int, now: datetime) -> Object:
    """The status of a refused policy; other live fields stay.

    Args:
        before: the live one.
        message: why.
        generation: of the policy.
        now: aware, UTC.
    """
    conditions = [entry for entry in before.get("conditions") or [] if isinstance(entry, dict)]
    conditions = set_condition(conditions, "Ready", False, "RolloutRefused", message, generation=generation, now=now)
    return {**before, "conditions": conditions, "observedGeneration": generation, "message": message}


def strategy(policy: RolloutPolicySpec) -> str:
    """The strategy's name, as in the spec."""
    for name, options in (("canary", policy.strategy.canary), ("blueGreen", policy.strategy.blue_green)):
        if options is not None:
            return name
    return "rolling"


def events(
    before: RolloutState,
    after: RolloutState,
    policy: RolloutPolicySpec,
    *,
    application: AppKey,
    workload: ObjectKey,
    revision: Revision | None,
    now: datetime,
) -> tuple[Event, ...]:
    """The events between two states, in the order they happened."""
    return tuple(
        Event(
            type=kind,
            application=application,
            at=now,
            severity=severity,
            reason=reason,
            message=f"{workload}: {message}"[:1000],
            revision=revision,
            objects=(workload,),
            facts={
                "phase": str(after.phase),
                "step": after.step,
                "weight": after.traffic.want.weight,
                "hash": after.target.hash if after.target else "",
            },
        )
        for kind, severity, reason, message in _edges(before, after, policy)
    )


def _edges(
    before: RolloutState, after: RolloutState, policy: RolloutPolicySpec
) -> Iterator[tuple[EventType, Severity, str, str]]:
    target = after.target.hash if after.target else ""
    if after.phase is Phase.PROVISION and before.phase is not Phase.PROVISION:
        yield EventType.ROLLOUT_STARTED, Severity.INFO, "RollingOut", f"the rollout of {target} begins ({strategy(policy)})"
    if after.stage is Stage.ROLL and before.phase is Phase.PENDING:
        yield EventType.ROLLOUT_STARTED, Severity.INFO, "RollingOut", f"the rollout of {target} begins (rolling)"
    if after.holding and before.phase is Phase.STEP and not before.holding:
        steps = run(policy).steps
        progress = f"{target} step {after.step + 1} of {len(steps)}"
        yield (
            EventType.ROLLOUT_STEP,
            Severity.INFO,
            "RolloutStep",
            f"{progress}: {share(steps[after.step].share)}{really(after, run(policy))}",
        )
        if waits := awaited(after, policy):
            yield EventType.ROLLOUT_PAUSED, Severity.WARNING, "AwaitingApproval", f"{progress} waits for approval of {waits}"
    if after.phase is Phase.PAUSED and before.phase is not Phase.PAUSED:
        yield EventType.ROLLOUT_PAUSED, Severity.WARNING, "RolloutPaused", describe(after, policy)
    if after.rolled_back and not before.rolled_back:
        yield EventType.ROLLOUT_ABORTED, Severity.ERROR, "RolledBack", f"{target} is rolled back: {after.reason}"
    newest = after.history[0] if after.history else None
    if newest is not None and newest.result == "Promoted" and after.history != before.history:
        yield EventType.PROMOTED, Severity.INFO, "Promoted", f"{newest.hash} was promoted"


def _ready(state: RolloutState, policy: RolloutPolicySpec, *, refused: bool) -> tuple[bool | None, str]:
    if state.phase is Phase.IDLE:
        return (True, "Stable") if state.stable is not None else (None, "Progressing")
    if state.promoted:
        return True, "Stable"
    if state.phase is Phase.HELD:
        return False, "RolledBack"
    if state.phase is Phase.PAUSED or awaited(state, policy):
        return None, "RolloutPaused"
    if state.phase is Phase.PENDING and refused:
        return False, "PreflightFailed"
    if state.phase is Phase.PENDING and state.reason:
        return None, "WaitingFor"
    return None, "RollingOut"


def _analysis(before: Object, state: RolloutState, analysis: Sequence[Object]) -> list[Object]:
    """Measurements and counters by metric; those of this run survive restarts."""
    same = (before.get("target") or {}).get("hash") == (state.target.hash if state.target else None)
    entries = before.get("analysis") or () if same else ()
    recorded = {str(entry.get("metric")): entry for entry in entries if isinstance(entry, dict)}
    fresh = {str(entry["metric"]): entry for entry in analysis}
    counts = {counter.metric: counter for counter in state.counters}
    result = []
    for name in sorted(recorded.keys() | fresh.keys() | counts.keys()):
        entry: Object = {**recorded.get(name, {}), **fresh.get(name, {}), "metric": name}
        if counter := counts.get(name):
            entry |= {
                "samples": counter.samples,
                "succeeded": counter.succeeded,
                "failed": counter.failed,
                "inconclusive": counter.inconclusive,
                "errors": counter.errors,
            }
        result.append(entry)
    return result


def _ended(run: Ended) -> Object:
    fields = {"revision": run.commit, "hash": run.hash, "result": run.result, "reason": run.reason, "at": timestamp(run.at)}
    return {name: value for name, value in fields.items() if value}
