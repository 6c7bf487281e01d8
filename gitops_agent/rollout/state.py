"""State of a rollout: all that must survive a restart.

Times are absolute UTC, so a restart neither restarts a pause nor skips one. What a run does is fixed when it starts (`plan`):
an edit of the policy never moves the ground under a run; it counts from the next one on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.traffic.router import Match, Mirror

Instant = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""An absolute time, UTC."""


class Phase(StrEnum):
    """Phases of a rollout; `Superseded` leaves as Abort does, without rejection."""

    IDLE = "Idle"
    PENDING = "Pending"
    PROVISION = "Provision"
    STEP = "Step"
    PAUSED = "Paused"
    PROMOTE = "Promote"
    FINALIZE = "Finalize"
    ABORT = "Abort"
    SUPERSEDED = "Superseded"
    HELD = "Held"


class Stage(StrEnum):
    """Stages within a phase."""

    NONE = ""
    SCALE = "Scale"
    ROUTE = "Route"
    HOLD = "Hold"
    CUT_SCALE = "CutScale"
    CUT_ROUTE = "CutRoute"
    CUT_HOLD = "CutHold"
    ROLL = "Roll"
    WATCH = "Watch"
    RESTORE = "Restore"
    BACK = "Back"
    UNROUTE = "Unroute"
    DRAIN = "Drain"
    SERVICE = "Service"
    WORKLOAD = "Workload"


class Adoption(StrEnum):
    """Progress of adoption: pods are labelled, then the Service selects them."""

    NONE = ""
    LABEL = "Label"
    SELECT = "Select"
    DONE = "Done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of the workload: commit, and hash of its pods."""

    commit: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of the traffic for the canary."""

    weight: int = 0
    match: Match | None = None
    mirror: Mirror | None = None

    @property
    def none(self) -> bool:
        """Whether nothing does."""
        return not self.weight and self.match is None and self.mirror is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The wanted share, the last one in force, and since when."""

    want: Share = Share()
    applied: Share = Share()
    verified_at: Instant | None = None

    @property
    def verified(self) -> bool:
        """Whether what is wanted is in force."""
        return self.verified_at is not None and self.applied == self.want


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Counted measurements of one metric.

    Attributes:
        metric: its name.
        samples: measurements in this Hold, errors left out.
        succeeded: successes in this run.
        failed: failures in this run.
        inconclusive: inconclusive answers since the run was last resumed.
        errors: errors in this run.
        consecutive_errors: errors since the last answer.
        last_at: when the last one counted ended.
        message: why the last one that was no success was none.
    """

    metric: str
    samples: int = 0
    succeeded: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    consecutive_errors: int = 0
    last_at: Instant | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A version that is not tried again.

    Where it was given up only because another rollout of its commit failed, `together` names that one's policy.
    """

    hash: str
    commit: str
    reason: str
    at: Instant
    together: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that ended: `result` is Promoted, RolledBack or Superseded."""

    hash: str
    commit: str
    result: str
    reason: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """State of a rollout.

    Attributes:
        phase: what it is at.
        stage: where within the phase.
        step: zero-based; which step is, or was last, gone through.
        reason: why it is there; for people.
        epoch: of the leader that wrote it.
        adoption: how far the workload is made ready.
        entered_at: when the stage was entered.
        until: when what the stage waits for by the clock is over.
        stable: the version that is known to be good; None before the first look, or when the state was lost.
        target: the version under way, or the one that was rejected last.
        canary: pods asked for on the canary's side.
        baseline: new pods of the stable version asked for, for the canary to be compared with.
        primary: pods asked for on the workload's side; None leaves them to Git or an autoscaler.
        traffic: the shares.
        counters: of the metrics.
        approvals: of steps, as `hash/step`, and of the promotion, as `hash/promotion`.
        nonces: of consumed commands, the last 32.
        rejected: versions that are not tried again.
        history: the last ten runs, newest first.
        plan: the policy's spec as it was when the run started.
        full: a command asked to promote without further steps.
        promoted: the target carries all traffic and has passed its last judgement; what is left is to renew the workload.
        resume: where to go on after a pause.
        together: the policy of the rollout that failed, as `namespace/name`, where this run was given up with it.
        unproven: no pod of the stable version has been available since the workload was created.
    """

    phase: Phase = Phase.IDLE
    stage: Stage = Stage.NONE
    step: int = 0
    reason: str = ""
    epoch: int = 0
    adoption: Adoption = Adoption.NONE
    entered_at: Instant | None = None
    until: Instant | None = None
    stable: Version | None = None
    target: Version | None = None
    canary: int = 0
    baseline: int = 0
    primary: int | None = None
    traffic: Traffic = Traffic()
    counters: tuple[Counter, ...] = ()
    approvals: tuple[str, ...] = ()
    nonces: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    history: tuple[Ended, ...] = ()
    plan: Object | None = field(default=None, repr=False)
    full: bool = False
    promoted: bool = False
    resume: Stage = Stage.NONE
    together: str = ""
    unproven: bool = False

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.phase not in {Phase.IDLE, Phase.HELD}

    @property
    def beside(self) -> bool:
        """Whether the canary runs beside an untouched workload."""
        return self.phase in {Phase.PROVISION, Phase.STEP, Phase.PAUSED}

    @property
    def early(self) -> bool:
        """Whether the run has not come to its promotion."""
        return self.phase is Phase.PENDING or self.beside

    @property
    def in_steps(self) -> bool:
        """Whether the run is in one of its steps, paused or not."""
        return self.phase in {Phase.STEP, Phase.PAUSED}

    @property
    def holding(self) -> bool:
        """Whether the step's share is in force and the step waits."""
        return self.phase is Phase.STEP and self.stage is Stage.HOLD

    @property
    def promoting(self) -> bool:
        """Whether the run has left its steps behind for the promotion."""
        return self.phase in {Phase.PROMOTE, Phase.FINALIZE}

    @property
    def cutting(self) -> bool:
        """Whether the canary takes all traffic from a still old workload."""
        return self.phase is Phase.PROMOTE and self.stage in {Stage.CUT_SCALE, Stage.CUT_ROUTE, Stage.CUT_HOLD}

    @property
    def kept(self) -> bool:
        """Whether the former version is kept beside a promoted one."""
        return self.promoted and self.cutting

    @property
    def rolled(self) -> bool:
        """Whether the workload and all shared objects should be of the target."""
        rolling = self.phase is Phase.PROMOTE and self.stage in {Stage.ROLL, Stage.WATCH, Stage.BACK}
        return rolling or self.phase is Phase.FINALIZE

    @property
    def leaving(self) -> bool:
        """Whether the run is on one of its ways out."""
        return self.phase in {Phase.ABORT, Phase.SUPERSEDED, Phase.FINALIZE}

    @property
    def abandoned(self) -> bool:
        """Whether the run leaves without a promotion."""
        return self.phase in {Phase.ABORT, Phase.SUPERSEDED}

    @property
    def given_up(self) -> bool:
        """Whether the target leaves without a promotion; its pods may still serve."""
        return self.abandoned or self.stage is Stage.RESTORE

    @property
    def rolled_back(self) -> bool:
        """Whether the target is rejected and its rollback under way or over."""
        return self.phase in {Phase.ABORT, Phase.HELD} or self.stage is Stage.RESTORE

    @property
    def bounded(self) -> bool:
        """Whether the stage is rolled back once it outlasts the progress deadline."""
        bounded = {Stage.SCALE, Stage.ROUTE, Stage.CUT_SCALE, Stage.CUT_ROUTE, Stage.ROLL}
        return self.phase is Phase.PROVISION or self.stage in bounded

    @property
    def approval(self) -> str:
        """The key of the present step's approval: `hash/step`."""
        return f"{self.target.hash if self.target else ''}/{self.step}"

    @property
    def judging(self) -> bool:
        """Whether the promotion waits for its delay and its metrics."""
        return self.phase is Phase.PROMOTE and self.stage in {Stage.CUT_HOLD, Stage.WATCH}

    @property
    def decision(self) -> str:
        """The key of a user's decision to wait for neither: `hash/promotion`."""
        return f"{self.target.hash if self.target else ''}/promotion"

    @property
    def decided(self) -> bool:
        """Whether a user decided that the promotion waits no longer."""
        return self.decision in self.approvals

    @property
    def approved(self) -> bool:
        """Whether the present step has its approval."""
        return self.approval in self.approvals

    def rejects(self, version: Version) -> bool:
        """Whether a version is not tried again."""
        return any(rejection.hash == version.hash for rejection in self.rejected)
