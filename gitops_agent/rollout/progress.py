"""Progress of a rollout for people: done, awaited, time left, next commands.

The status of a policy holds absolute times only, so that it moves with events alone; what is left of them is reckoned here, at
the moment of the look. Pure: everything comes from the live policy and the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from gitops_agent.api.conditions import find_condition
from gitops_agent.api.durations import format_duration
from gitops_agent.api.problems import SpecInvalid, read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import owner
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.command_rules import CommandContext, refusal
from gitops_agent.rollout.coverage import target
from gitops_agent.rollout.describe import actual_weight, awaited, describe, doing, moment, share
from gitops_agent.rollout.run_plan import RunPlan, RunStep, load_policy, run
from gitops_agent.rollout.state import Phase, RolloutState, Stage, Version
from gitops_agent.rollout.status import from_status


class Attention(StrEnum):
    """Urgency of a rollout, most urgent first; values are reason codes."""

    ROLLED_BACK = "RolledBack"
    PAUSED = "RolloutPaused"
    APPROVAL = "AwaitingApproval"
    REFUSED = "RolloutRefused"
    UNSEEN = "NotReconciled"
    WAITING = "WaitingFor"
    RUNNING = "RollingOut"
    STABLE = "Stable"


class Mark(StrEnum):
    """Progress of a step."""

    DONE = "✔"
    NOW = "▶"
    PAUSED = "⏸"
    LEFT = "✖"
    SKIPPED = "↷"
    AHEAD = "○"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step: mark, number (0 for the promotion), description, note."""

    mark: Mark
    number: int
    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class RolloutProgress:
    """A live policy, read for people; pure.

    Attributes:
        raw: the live policy.
        spec: of the run under way, or the present one; None when it cannot be read.
        state: where the rollout stands.
        problem: why the spec or the state cannot be read.
    """

    raw: Object = field(repr=False)
    spec: RolloutPolicySpec | None
    state: RolloutState
    problem: str = ""

    @classmethod
    def of(cls, raw: Object) -> RolloutProgress:
        """Reads a live policy as far as it is readable."""
        state, spec, problem = RolloutState(), None, ""
        try:
            state = from_status(raw.get("status") or {})
            spec = (
                load_policy(state.plan)
                if state.plan is not None
                else read(RolloutPolicySpec, raw.get("spec") or {}, root="spec")
            )
        except SpecInvalid as error:
            problem = str(error)
        return cls(raw=raw, spec=spec, state=state, problem=problem)

    @property
    def key(self) -> AppKey:
        """Namespace and name."""
        return AppKey(str(self.raw["metadata"]["namespace"]), str(self.raw["metadata"]["name"]))

    @property
    def application(self) -> AppKey | None:
        """The Application that declares it."""
        return owner(self.raw)

    @property
    def workload(self) -> ObjectKey:
        """The workload of the run under way, or of the policy."""
        if self.spec is not None:
            return target(self.key.namespace, self.spec)
        named = (self.raw.get("spec") or {}).get("targetRef") or {}
        return ObjectKey("apps", str(named.get("kind") or "Deployment"), self.key.namespace, str(named.get("name") or ""))

    @cached_property
    def run(self) -> RunPlan | None:
        """What the run does."""
        return run(self.spec) if self.spec is not None else None

    @property
    def steps(self) -> tuple[RunStep, ...]:
        """The steps of the run; none for `rolling`."""
        return self.run.steps if self.run is not None else ()

    @property
    def strategy(self) -> str:
        """Its name, as in the spec."""
        if self.spec is not None:
            options = self.spec.strategy
            return "canary" if options.canary is not None else "blueGreen" if options.blue_green is not None else "rolling"
        strategy = (self.raw.get("spec") or {}).get("strategy") or {}
        return next(iter(strategy), "")

    @property
    def judged(self) -> bool:
        """Whether the present step still waits for its metrics."""
        return self.state.holding and bool(self.steps) and self.steps[self.state.step].analysis

    @property
    def message(self) -> str:
        """One line."""
        if self.problem:
            return self.problem
        if self.refused:
            return self.refused
        if self.spec is None or self.outlook is Attention.UNSEEN:
            return "no agent has reconciled it yet: does one run, and does an Application declare it?"
        return describe(self.state, self.spec)

    @property
    def refused(self) -> str:
        """Why only another commit lets it go on; empty otherwise."""
        ready = find_condition((self.raw.get("status") or {}).get("conditions"), "Ready") or {}
        under_way = self.state.running and self.state.phase is not Phase.PENDING
        return "" if under_way or ready.get("reason") != "RolloutRefused" else str(ready.get("message") or "")

    @property
    def approval(self) -> str:
        """The approval it waits for, as `hash/step`; empty when for none."""
        return awaited(self.state, self.spec) if self.spec is not None else ""

    @property
    def outlook(self) -> Attention:
        """The urgency."""
        phase = self.state.phase
        if self.refused and not self.problem:
            return Attention.REFUSED
        if self.problem or (phase is Phase.IDLE and self.state.stable is None):
            return Attention.UNSEEN
        if self.state.rolled_back:
            return Attention.ROLLED_BACK
        if phase is Phase.PAUSED:
            return Attention.PAUSED
        if phase is Phase.IDLE or self.state.promoted:
            return Attention.STABLE
        if self.approval:
            return Attention.APPROVAL
        return Attention.WAITING if phase is Phase.PENDING and self.state.reason else Attention.RUNNING

    @property
    def stable(self) -> Version | None:
        """The version known to be good; a promoted one counts already."""
        return self.state.target if self.state.promoted else self.state.stable

    @property
    def place(self) -> str:
        """The present step of all, as `2/3`; empty outside of steps."""
        if not self.steps or not (self.state.in_steps or self.state.abandoned):
            return ""
        return f"{self.state.step + 1}/{len(self.steps)}"

    @property
    def weight(self) -> str:
        """The weight that is set, and the actual one where that differs."""
        weight = self.state.traffic.want.weight
        actual = weight if self.run is None else actual_weight(self.state, self.run)
        return f"{weight} %" if actual == weight else f"{weight} % (really {actual} %)"

    @property
    def shifting(self) -> bool:
        """Whether traffic may go to the new version at this point."""
        beforehand = self.state.phase in {Phase.PENDING, Phase.PROVISION}
        return self.state.running and not beforehand and bool(self.steps)

    def lines(self, now: datetime) -> list[Line]:
        """The steps and the promotion, with what is done."""
        if self.run is None:
            return []
        state, result = self.state, []
        for index, step in enumerate(self.steps):
            mark = Mark.AHEAD
            if state.promoting and state.full and index > state.step:
                mark = Mark.SKIPPED
            elif state.promoting or (state.in_steps and index < state.step):
                mark = Mark.DONE
            elif state.in_steps and index == state.step:
                mark = Mark.PAUSED if state.phase is Phase.PAUSED else Mark.NOW
            elif state.abandoned and index <= state.step:
                mark = Mark.LEFT if index == state.step else Mark.DONE
            note = self._doing(now) if mark in {Mark.NOW, Mark.PAUSED} else ""
            result.append(Line(mark=mark, number=index + 1, text=said(step, preview=self.strategy == "blueGreen"), note=note))
        mark = {Phase.PROMOTE: Mark.NOW, Phase.FINALIZE: Mark.DONE}.get(state.phase, Mark.AHEAD)
        mark = Mark.AHEAD if state.stage is Stage.RESTORE else mark
        text = "the workload's own update, watched" if self.run.rolling else "promotion"
        note = self._doing(now) if mark is Mark.NOW else ""
        result.append(Line(mark=mark, number=0, text=text, note=note))
        return result

    def waits(self, now: datetime) -> list[str]:
        """What it waits for at this moment, one thing a text."""
        return [] if self.run is None else list(self._waits(self.run, now))

    def deadline(self, now: datetime) -> str:
        """The time of the rollback by deadline, in words; empty without one."""
        state, plan = self.state, self.run
        if plan is None or state.entered_at is None or not state.running:
            return ""
        limit = plan.paused_deadline if state.phase is Phase.PAUSED else None
        if state.bounded:
            limit = plan.deadline
        return f"rolled back unless that is done {_left(state.entered_at + limit, now)}" if limit is not None else ""

    def refusal(self, kind: CommandKind) -> str:
        """Why a command is illegal now; empty when it is legal."""
        if self.run is None or self.outlook is Attention.UNSEEN:
            return self.message
        return refusal(kind, CommandContext(state=self.state, run=self.run, message=self.message))

    def commands(self) -> list[tuple[str, str]]:
        """What may be typed next, and what that does."""
        return [(f"gitops-agent rollout {words.format(name=self.key)}", what) for words, what in self._commands()]

    def _doing(self, now: datetime) -> str:
        """What goes on in a step, and for how long."""
        state = self.state
        holding = "paused" if state.phase is Phase.PAUSED else "in force" if state.stage is Stage.HOLD else ""
        since = f" for {span(now - state.entered_at)}" if state.entered_at is not None else ""
        return (holding or doing(state)) + since

    def _waits(self, plan: RunPlan, now: datetime) -> Iterator[str]:
        state = self.state
        if state.kept and state.until is not None:
            yield f"the end of scaleDownDelay {_left(state.until, now)}"
        elif state.phase is Phase.PAUSED:
            yield "a user to resume it"
        elif self.refused:
            yield "a commit that fixes it"
        elif state.phase is Phase.PENDING:
            yield state.reason or "its turn"
        elif state.phase is Phase.HELD:
            yield "a fixed commit, a revert, or a retry"
        elif state.stage in {Stage.HOLD, Stage.CUT_HOLD}:
            yield from self._held(plan, now)
        elif state.running and (plan.steps or state.phase is Phase.PROMOTE):
            yield doing(state)

    def _held(self, plan: RunPlan, now: datetime) -> Iterator[str]:
        state = self.state
        if self.approval:
            yield "approval"
        if state.until is not None and state.until > now:
            yield f"the end of its pause {_left(state.until, now)}"
        judged = state.stage is Stage.CUT_HOLD or self.steps[state.step].analysis
        counters = {counter.metric: counter for counter in state.counters}
        for metric in plan.metrics if judged else ():
            samples = counters[metric.name].samples if metric.name in counters else 0
            if not metric.dry_run and samples < metric.samples:
                yield f"samples of {metric.name}: {samples} of {metric.samples}"

    def _commands(self) -> Iterator[tuple[str, str]]:
        step = self.state.step + 1
        if self._legal(CommandKind.RETRY):
            yield "retry {name}", "tries the rejected version once more"
        if self._legal(CommandKind.RESUME):
            yield "resume {name}", "continues where it was"
        if self.approval:
            yield "approve {name}", f"approves step {step}"
        elif self._legal(CommandKind.ADVANCE):
            yield "promote {name}", f"ends the pause of step {step}"
        # That a rejected version can be promoted in spite of it is not advised.
        if self._legal(CommandKind.PROMOTE) and self.state.phase is not Phase.HELD:
            judging = "ends scaleDownDelay" if self.state.kept else "ends its delay and metrics"
            yield "promote --full {name}", judging if self.state.judging else "skips all remaining steps"
        if self._legal(CommandKind.PAUSE):
            yield "pause {name}", "stops it where it is"
        if self._legal(CommandKind.ABORT):
            yield "abort {name}", "rolls back and rejects the version"

    def _legal(self, kind: CommandKind) -> bool:
        return not self.refusal(kind)


def said(step: RunStep, *, preview: bool = False) -> str:
    """What a step does, in words."""
    parts = ["the preview, without traffic" if preview else share(step.share)]
    if step.pause:
        parts.append(f"pause {format_duration(step.pause)}")
    if step.analysis:
        parts.append("analysis")
    if step.approval:
        parts.append("approval")
    return ", ".join(parts)


def span(length: timedelta) -> str:
    """A length of time for people: `48s`, `3m12s`, `2h05m`, `4d3h`; never negative."""
    seconds = max(0, int(length.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if not minutes:
        return f"{seconds}s"
    if not hours:
        return f"{minutes}m{seconds % 60:02}s"
    return f"{hours}h{minutes % 60:02}m" if not days else f"{days}d{hours % 24}h"


def _left(end: datetime, now: datetime) -> str:
    """The time left until a moment, and the moment."""
    return f"in {span(end - now)} (at {moment(end, since=now)})"
