"""Idle, Pending and Held: nothing is between two versions."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout.phases.exit import leave
from gitops_agent.rollout.run_plan import dump_policy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Stage, Traffic, Version
from gitops_agent.rollout.step_context import StepContext


def first(sit: StepContext) -> RolloutState | None:
    """The first look, or the first one after the state was lost.

    What the workload carries is the stable version. Where anything of a run is left nobody knows how far it was: out of it.
    """
    stable = (sit.seen.primary.version if sit.seen.primary else None) or sit.seen.head
    if stable is None:
        return None
    known = replace(sit, state=replace(sit.state, stable=stable))
    if sit.seen.leavings and not sit.run.rolling:
        lost = replace(known, state=replace(known.state, target=sit.seen.lost or stable, plan=dump_policy(sit.policy)))
        pods = sit.seen.canary.replicas if sit.seen.canary else 0
        return leave(lost, Phase.SUPERSEDED, "the state was lost", canary=pods, traffic=Traffic())
    return known.enter(Phase.IDLE)


def idle(sit: StepContext) -> RolloutState | None:
    """Idle: what is live is stable."""
    adopted = adopt(sit)
    if adopted is not None:
        return adopted
    head, stable = sit.seen.head, sit.state.stable
    if head is None or stable is None or head == stable:
        return None
    if head.hash == stable.hash:
        return replace(sit.state, stable=head, target=None)
    if sit.state.rejects(head):
        return sit.enter(Phase.HELD, target=head, reason=f"{head.hash} was rejected")
    return start(sit, head)


def adopt(sit: StepContext) -> RolloutState | None:
    """The next step of making a workload ready: its pods, and only when all of them are labelled its Service."""
    adoption = sit.state.adoption
    if sit.run.rolling or adoption is Adoption.DONE:
        return None
    if adoption is Adoption.NONE:
        return replace(sit.state, adoption=Adoption.LABEL)
    # A broken workload may never replace its pods; where none of them serves, a Service that selects by the label loses none.
    if adoption is Adoption.LABEL and (sit.seen.labelled or (sit.overdue and sit.silent)):
        return replace(sit.state, adoption=Adoption.SELECT)
    if adoption is Adoption.SELECT and sit.seen.selected:
        return replace(sit.state, adoption=Adoption.DONE)
    return None


def start(sit: StepContext, target: Version) -> RolloutState:
    """A new run; what it does is fixed here."""
    return sit.enter(
        Phase.PENDING,
        target=target,
        plan=dump_policy(sit.policy),
        step=0,
        canary=0,
        primary=None,
        traffic=Traffic(),
        counters=(),
        approvals=(),
        full=False,
        resume=Stage.NONE,
    )


def pending(sit: StepContext) -> RolloutState | None:
    """Pending: added objects are applied, gates are waited for."""
    head, stable, target = sit.seen.head, sit.state.stable, sit.state.target
    if head is None or stable is None or target is None:
        return None
    adopted = adopt(sit)
    if adopted is not None:
        return adopted
    if head.hash == stable.hash:
        return sit.enter(Phase.IDLE, stable=head, target=None, plan=None, history=sit.ended("Superseded", "Git is back"))
    if sit.state.rejects(head):
        return sit.enter(Phase.HELD, target=head, plan=None, reason=f"{head.hash} was rejected")
    if head != target:
        return start(sit, head)
    reason = _waits(sit)
    if reason:
        return replace(sit.state, reason=reason) if reason != sit.state.reason else None
    return _go(sit)


def _waits(sit: StepContext) -> str:
    """Why the run cannot start yet."""
    labelled = sit.seen.labelled or sit.silent
    made = sit.run.rolling or (sit.state.adoption is Adoption.DONE and labelled and sit.seen.selected)
    refused = sit.run.refusal(sit.seen.replicas, sit.seen.max_unavailable)
    return sit.seen.gate or refused or ("" if made else "the workload is being made ready for a second Deployment")


def _go(sit: StepContext) -> RolloutState | None:
    if not sit.seen.added or sit.seen.primary is None or sit.seen.leftovers:
        return None
    if sit.run.rolling or (sit.run.plain and not sit.seen.replicas):
        # Without pods behind a plain Service there is no share to take, and nothing to compare with.
        return sit.enter(Phase.PROMOTE, Stage.ROLL)
    return sit.enter(Phase.PROVISION, canary=sit.run.scale(0, max(sit.seen.replicas, 1)))


def held(sit: StepContext) -> RolloutState | None:
    """Held: the stable manifests stay, until Git says something that was not rejected."""
    head, stable = sit.seen.head, sit.state.stable
    if head is None or stable is None:
        return None
    if head.hash == stable.hash:
        return sit.enter(Phase.IDLE, stable=head, target=None)
    if not sit.state.rejects(head):
        return start(sit, head)
    return None if head == sit.state.target else replace(sit.state, target=head)
