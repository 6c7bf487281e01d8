"""Describes the state of a rollout in one line.

It names times, never what is left of them: a status moves with events only.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.replica_counts import FULL
from gitops_agent.rollout.run_plan import RunPlan, run
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage

_STAGES = {
    Stage.SCALE: "its pods come up",
    Stage.ROUTE: "the routes take it up",
    Stage.CUT_SCALE: "the new version grows to full size",
    Stage.CUT_ROUTE: "all traffic moves to the new version",
    Stage.CUT_HOLD: "the new version carries the traffic",
    Stage.ROLL: "the workload takes the new version",
    Stage.WATCH: "the new version is watched",
    Stage.RESTORE: "the stable version is being restored",
    Stage.BACK: "traffic moves back to the workload",
    Stage.UNROUTE: "traffic leaves the canary",
    Stage.DRAIN: "requests in flight get time to end",
    Stage.SERVICE: "the canary's Service goes",
    Stage.WORKLOAD: "the canary goes",
}
_LEAVING = {Phase.ABORT: "rolling back", Phase.SUPERSEDED: "superseded", Phase.FINALIZE: "promoted"}


def describe(state: RolloutState, policy: RolloutPolicySpec) -> str:
    """The line; empty before the first version.

    Args:
        state: where the rollout stands.
        policy: of the run under way, or the present one.
    """
    if state.in_steps:
        return _step(state, run(policy))
    target = state.target.hash if state.target else ""
    why = f" ({state.reason})" if state.reason else ""
    match state.phase:
        case Phase.IDLE:
            return f"{state.stable.hash} is stable" if state.stable else ""
        case Phase.HELD:
            return f"{target} was rolled back: {state.reason}"
        case Phase.PENDING:
            return f"{target} waits: {state.reason}" if state.reason else f"{target} is about to start"
        case Phase.PROVISION:
            return f"{target}: {doing(state)}{why}"
        case Phase.PROMOTE if state.stage is Stage.RESTORE:
            return f"{target} {_LEAVING[Phase.ABORT]}{why}: {doing(state)}"
        case Phase.PROMOTE:
            verb = "is stable" if state.promoted else "rolling out" if policy.strategy.rolling is not None else "promoting"
            return f"{target} {verb}: {doing(state)}{why}{_until(state)}"
    leaving = f"{target} {_LEAVING[state.phase]}{why}"
    # Without a second Deployment there is nothing to take away.
    return leaving if policy.strategy.rolling is not None else f"{leaving}: {doing(state)}"


def doing(state: RolloutState) -> str:
    """The activity within the phase, in words; empty where there is none."""
    if state.kept and state.stage is Stage.CUT_HOLD:
        return f"the pods of {state.stable.hash if state.stable else 'the former version'} are kept"
    return "the canary comes up, without traffic" if state.phase is Phase.PROVISION else _STAGES.get(state.stage, "")


def awaited(state: RolloutState, policy: RolloutPolicySpec) -> str:
    """The approval a rollout waits for, as `hash/step`; empty when for none."""
    if not state.holding or state.approved:
        return ""
    return state.approval if run(policy).steps[state.step].approval else ""


def actual_weight(state: RolloutState, what: RunPlan) -> int:
    """Percent of the traffic that really goes to the new version.

    Behind a plain Service the numbers of pods are the share, so few pods make it another one than the step's.
    """
    weight, primary = state.traffic.want.weight, state.primary
    if not what.plain or weight in {0, FULL} or primary is None or not state.canary:
        return weight
    return round(FULL * state.canary / (state.canary + primary))


def really(state: RolloutState, what: RunPlan) -> str:
    """The actual weight in words; empty where it is the one asked."""
    holds = state.stage is Stage.HOLD or (state.phase is Phase.PAUSED and state.resume is Stage.HOLD)
    if not state.in_steps or not holds:
        return ""
    actual = actual_weight(state, what)
    return "" if state.traffic.want.none or actual == what.steps[state.step].share.weight else f" (really {actual} %)"


def share(wanted: Share) -> str:
    """A share of the traffic, in words."""
    if wanted.none:
        return "no traffic"
    parts = [f"{wanted.weight} % of the traffic"] if wanted.weight else []
    if wanted.match is not None:
        parts.append(f"requests whose {wanted.match.on} {wanted.match.name} matches")
    if wanted.mirror is not None:
        parts.append(f"copies of {wanted.mirror.percent} %")
    return " and ".join(parts)


def _step(state: RolloutState, what: RunPlan) -> str:
    target = state.target.hash if state.target else ""
    position = (
        f"{target} step {state.step + 1} of {len(what.steps)}, {share(what.steps[state.step].share)}{really(state, what)}"
    )
    if state.phase is Phase.PAUSED:
        return f"{position}: {state.reason if state.reason.startswith('paused') else f'paused, because {state.reason}'}"
    if state.stage is not Stage.HOLD:
        why = f" ({state.reason})" if state.reason else ""
        return f"{position}: {doing(state)}{why}"
    return f"{position}: {_held(state, what)}"


def _held(state: RolloutState, what: RunPlan) -> str:
    step = what.steps[state.step]
    waits = []
    if step.approval and not state.approved:
        waits.append("waits for approval")
    if step.analysis:
        waits.append("is judged by its metrics")
    elif what.metrics:
        waits.append("is watched by its metrics")
    return (" and ".join(waits) or "holds") + _until(state)


def moment(at: datetime, *, since: datetime | None = None) -> str:
    """A moment in words, with its date where that differs from `since`."""
    utc = at.astimezone(UTC)
    today = since is None or since.astimezone(UTC).date() == utc.date()
    return f"{utc:%H:%M:%S} UTC" if today else f"{utc:%Y-%m-%d %H:%M:%S} UTC"


def _until(state: RolloutState) -> str:
    """The earliest end of the stage, in words; empty without one."""
    if state.until is None or (state.entered_at is not None and state.until <= state.entered_at):
        return ""
    return f", at least until {moment(state.until, since=state.entered_at)}"
