"""Idle, Pending and Held: before and after a run."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout.phases.exit import leave
from gitops_agent.rollout.run_plan import dump_policy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Stage, Traffic, Version
from gitops_agent.rollout.step_context import StepContext

_FIRST = "no version has been available yet, so there are no steps"


def first(ctx: StepContext) -> RolloutState | None:
    """The state after a first look, or after the state was lost.

    What the workload carries is the stable version. Where objects of a run are left, its progress is unknown, so it is left.
    """
    stable = (ctx.seen.primary.version if ctx.seen.primary else None) or ctx.seen.head
    if stable is None:
        return None
    with_stable = replace(ctx, state=replace(ctx.state, stable=stable))
    if ctx.seen.leavings and not ctx.run.rolling:
        # A commit may have renamed the Service since the run began.
        policy = ctx.policy.model_copy(update={"service": ctx.seen.former}) if ctx.seen.former else ctx.policy
        lost = replace(with_stable, state=replace(with_stable.state, target=ctx.seen.lost or stable, plan=dump_policy(policy)))
        pods = ctx.seen.canary.replicas if ctx.seen.canary else 0
        return leave(lost, Phase.SUPERSEDED, "the state was lost", canary=pods, traffic=Traffic())
    # A workload that was created with its policy, and not prepared for it later, has not served yet.
    created = ctx.state.adoption is Adoption.DONE and ctx.seen.primary is not None and not ctx.seen.primary.available
    return with_stable.enter(Phase.IDLE, unproven=created)


def idle(ctx: StepContext) -> RolloutState | None:
    """Idle: what is live is stable."""
    adopted = adopt(ctx)
    if adopted is not None:
        return adopted
    head, stable = ctx.seen.head, ctx.state.stable
    if head is None or stable is None or head == stable:
        return None
    if head.hash == stable.hash:
        return replace(ctx.state, stable=head, target=None)
    if ctx.state.rejects(head):
        return ctx.enter(Phase.HELD, target=head, reason=f"{head.hash} was rejected")
    return start(ctx, head)


def adopt(ctx: StepContext) -> RolloutState | None:
    """The next step of adoption: label the pods, then select by it."""
    adoption = ctx.state.adoption
    if ctx.run.rolling or adoption is Adoption.DONE:
        return None
    if adoption is Adoption.NONE:
        return replace(ctx.state, adoption=Adoption.LABEL)
    # A broken workload may never replace its pods; where none of them serves, a Service that selects by the label loses none.
    if adoption is Adoption.LABEL and (ctx.seen.labelled or (ctx.overdue and ctx.silent)):
        return replace(ctx.state, adoption=Adoption.SELECT)
    if adoption is Adoption.SELECT and ctx.seen.selected:
        return replace(ctx.state, adoption=Adoption.DONE)
    return None


def start(ctx: StepContext, target: Version, *, full: bool = False) -> RolloutState:
    """A new run; what it does is fixed here.

    Args:
        ctx: where the rollout stands.
        target: the version.
        full: it goes through no step.
    """
    return ctx.enter(
        Phase.PENDING,
        target=target,
        plan=dump_policy(ctx.policy),
        step=0,
        canary=0,
        primary=None,
        traffic=Traffic(),
        counters=(),
        approvals=(),
        full=full,
        resume=Stage.NONE,
        together="",
    )


def pending(ctx: StepContext) -> RolloutState | None:
    """Pending: applies added objects and waits for gates.

    Nothing has been done yet, so what the run does is fixed anew with each newer commit and policy.
    """
    head, stable, target = ctx.seen.head, ctx.state.stable, ctx.state.target
    if head is None or stable is None or target is None:
        return None
    adopted = adopt(ctx)
    if adopted is not None:
        return adopted
    if head.hash == stable.hash:
        return ctx.enter(Phase.IDLE, stable=head, target=None, plan=None, history=ctx.ended("Superseded", "Git is back"))
    if ctx.state.rejects(head):
        return ctx.enter(Phase.HELD, target=head, plan=None, reason=f"{head.hash} was rejected")
    if head != target:
        newer = f"{head.hash} is newer; this one waited: {ctx.state.reason}"
        history = ctx.ended("Superseded", newer) if head.hash != target.hash and ctx.state.reason else ctx.state.history
        return replace(start(ctx, head), history=history)
    if ctx.state.plan != dump_policy(ctx.policy):
        return start(ctx, target)
    reason = _waits(ctx)
    if reason:
        return replace(ctx.state, reason=reason) if reason != ctx.state.reason else None
    return _go(ctx)


def _waits(ctx: StepContext) -> str:
    """Why the run cannot start yet."""
    labelled = ctx.seen.labelled or ctx.silent
    adopted = ctx.run.rolling or (ctx.state.adoption is Adoption.DONE and labelled and ctx.seen.selected)
    refused = ctx.run.refusal(ctx.seen.replicas, ctx.seen.max_unavailable)
    return ctx.seen.gate or refused or ("" if adopted else "the workload is being made ready for a second Deployment")


def _go(ctx: StepContext) -> RolloutState | None:
    if not ctx.seen.added or ctx.seen.primary is None or ctx.seen.leftovers:
        return None
    if ctx.run.rolling or (ctx.run.plain and not ctx.seen.replicas):
        # Without pods behind a plain Service there is no share to take, and nothing to compare with.
        return ctx.enter(Phase.PROMOTE, Stage.ROLL)
    if ctx.state.unproven:
        # An installation that failed is corrected, not released: no pod serves whose traffic the steps would protect.
        return ctx.enter(Phase.PROMOTE, Stage.ROLL, reason=_FIRST)
    return ctx.enter(Phase.PROVISION, canary=ctx.run.scale(0, max(ctx.seen.replicas, 1)))


def held(ctx: StepContext) -> RolloutState | None:
    """Held: keeps the stable manifests until Git has an unrejected version."""
    head, stable = ctx.seen.head, ctx.state.stable
    if head is None or stable is None:
        return None
    if head.hash == stable.hash:
        return ctx.enter(Phase.IDLE, stable=head, target=None)
    if not ctx.state.rejects(head):
        return start(ctx, head, full=ctx.state.full)
    return None if head == ctx.state.target else replace(ctx.state, target=head)
