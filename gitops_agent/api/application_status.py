"""What the agent says about an Application."""

from __future__ import annotations

from pydantic import Field

from gitops_agent.api.history_status import DeliveryStatus, HistoryEntry
from gitops_agent.api.model import Model
from gitops_agent.api.source_status import SourceStatus
from gitops_agent.api.status import Conditions, Moment


class DeletionDigests(Model):
    """Deletions that are too many for a list."""

    count: int = 0
    """How many they are."""

    bits: int = 0
    """One foreign object in two to the power of this is taken for one of them; 0 when none are kept."""

    digests: str = ""
    """Sorted short digests of identities and UIDs, as Rice-coded differences in Base64."""


class ApprovalStatus(Model):
    """An approved plan in progress; kept for continuing after a restart."""

    hash: str = ""
    """The plan's hash, as it was approved."""

    content: str = ""
    """A digest over everything that plan declares."""

    deletions: tuple[tuple[str, ...], ...] = ()
    """What that plan deletes: identity and UID; empty where it is too long for a list."""

    deletion_digests: DeletionDigests | None = None
    """What that plan deletes, in place of a list that would be too long."""

    covers: tuple[str, ...] = ()
    """Short digests of what is deleted with the Applications that plan deletes; their own deletions need no second approval."""

    by: str = ""
    """Who approved it; see `approved`."""

    via: str = ""
    """How it was approved; see `approved`."""


class ApprovedPlan(Model):
    """The last plan that ran because it was approved."""

    hash: str = ""
    """The approved hash."""

    by: str = ""
    """Who approved: the user that the client names, which proves nothing (the API server's audit log does), or the commit."""

    via: str = ""
    """`annotation`, `trailer`, or `application NAMESPACE/NAME` when the approval of an Application above covers the plan."""

    at: Moment = ""
    """When the agent acted on it."""


class RecentDeletions(Model):
    """Objects that were deleted without an approval."""

    count: int = 0
    """How many within one window of the budget over all Applications."""

    at: Moment = ""
    """When the last of them."""


class ClosedWindow(Model):
    """The closed window that changes wait for."""

    opens_at: Moment = ""
    """When changes are allowed next; absent when no such time is in sight."""

    closed_by: str = ""
    """What closes it: the window that denies, or the one that does not allow yet."""


class SyncStatus(Model):
    """What is applied."""

    status: str = ""
    """Synced, OutOfSync or Unknown."""

    revision: str = ""
    """The commit that is applied; not the one that was last seen."""

    short_revision: str = ""
    """Its first twelve digits, for tables."""

    plan: str = ""
    """The hash of the last plan: what an approval names."""

    approval: ApprovalStatus | None = None
    """An approved plan that is under way."""

    approved: ApprovedPlan | None = None
    """The last plan that ran because it was approved."""

    over_budget: str = ""
    """The hash of the plan that the budget over all Applications holds until it is approved."""

    deletions: RecentDeletions | None = None
    """What the application lost last without an approval; a restart of the agent goes on counting with it."""

    answered: str = ""
    """The last request for a sync that was answered."""

    window: ClosedWindow | None = None
    """What changes wait for, while any wait for a window."""


class HealthStatus(Model):
    """How the objects are."""

    status: str = ""
    """Healthy, Progressing, Suspended, Degraded, Missing or Unknown: the worst of all objects."""

    reasons: tuple[str, ...] = ()
    """The first objects that are not healthy, and why."""

    degraded_revision: str = ""
    """The commit at which they became Degraded, until they are healthy again."""


class ObjectProblem(Model):
    """What is wrong with one object."""

    object: str
    """Which one: `apps/Deployment:shop/web`."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""


class ResourcesStatus(Model):
    """Counts of objects."""

    total: int = 0
    """Declared objects."""

    synced: int = 0
    """Those that are as declared."""

    drifted: int = 0
    """Those that differ."""

    unhealthy: int = 0
    """Those that are not healthy."""

    left_out: int = 0
    """Declared objects that are not applied, such as tests of charts; `warnings` names the first of them."""

    kinds: dict[str, int] = Field(default_factory=dict)
    """Live objects by kind, such as `apps/Deployment: 2`.

    A kind that cannot be listed after a restart counts as many towards the deletion budget.
    """

    problems: tuple[ObjectProblem, ...] = ()
    """The first ten objects something is wrong with."""


class HealthyRevision(Model):
    """A commit whose objects were healthy."""

    revision: str = ""
    """The commit."""

    content: str = ""
    """Digest of the rendered objects."""


class RejectedRevision(Model):
    """A commit that was rejected."""

    revision: str = ""
    """The commit."""

    reason: str = ""
    """The object that was Degraded, and why."""

    at: Moment = ""
    """Since when."""

    together: str = ""
    """The Application of the group whose objects were Degraded; absent where they are of this one."""


class RollbackStatus(Model):
    """Which commit is applied, with `sync.rollback.onDegraded`."""

    head: str = ""
    """Digest of what the newest commit declares."""

    on_trial: bool = False
    """The newest commit was not healthy yet; it is rejected when objects become Degraded."""

    held: bool = False
    """The newest commit is rejected, and `healthy` is applied; ended by a commit that declares something else, or a retry."""

    healthy: HealthyRevision | None = None
    """What was healthy last."""

    previous: HealthyRevision | None = None
    """What was healthy before that."""

    rejected: tuple[RejectedRevision, ...] = ()
    """Rejected commits, newest first."""

    retried: str = ""
    """The last request for another try that was taken up."""


class RolloutSummary(Model):
    """Where one rollout stands; its RolloutPolicy says more."""

    policy: str = ""
    """The RolloutPolicy."""

    workload: str = ""
    """What it rolls out."""

    phase: str = ""
    """Of the RolloutPolicy's status."""

    weight: int = 0
    """Percent of the traffic that is to go to the new version."""

    approval: str = ""
    """The approval that is waited for, as `hash/step`."""


class HookRunStatus(Model):
    """The last run of one hook at one moment."""

    object: str
    """Its object: `batch/Job:shop/migrate`."""

    moment: str = ""
    """`pre-sync`, `sync`, `post-sync`, `sync-fail`, `pre-delete` or `post-delete`."""

    id: str = ""
    """A digest of the hook and of the content it ran for; its object has the annotation `gitops-agent.dev/hook-run` with it."""

    uid: str = ""
    """Of its object."""

    state: str = ""
    """Running, Succeeded, Failed, or Retry when a failed one is to run again."""

    started: Moment = ""
    """When it began."""

    ended: Moment = ""
    """When it was seen to have ended."""

    message: str = ""
    """Why it failed."""


class HooksStatus(Model):
    """The runs of hooks, which are not repeated for the same content."""

    phase: str = ""
    """How far the sync is: `pre-sync`, `sync`, `post-sync`, `done` or `failed`."""

    operation: str = ""
    """What the sync does, as Helm's hooks distinguish it: `install`, `upgrade` or `rollback`."""

    since: Moment = ""
    """When the sync began."""

    content: str = ""
    """A digest of the declared objects and hooks."""

    inputs: str = ""
    """A digest of the declared objects alone."""

    series: str = ""
    """A digest of the declared objects and of when their sync began."""

    request: str = ""
    """The last request for a sync that was taken into account."""

    deletion: bool = False
    """Whether hooks are declared that run when the Application is deleted."""

    runs: tuple[HookRunStatus, ...] = ()
    """The last run of each hook."""


class ApplicationStatus(Model):
    """The observed state of an application; never changes with the clock alone."""

    observed_generation: int = 0
    """The generation of the spec that was acted on last."""

    conditions: Conditions = ()
    """Ready, Synced, Healthy; Reconciling and Stalled only while they are true."""

    sync: SyncStatus = SyncStatus()
    """What is applied."""

    health: HealthStatus = HealthStatus()
    """How the objects are."""

    source: SourceStatus = SourceStatus()
    """The last commit seen."""

    resources: ResourcesStatus = ResourcesStatus()
    """Counts of objects."""

    warnings: tuple[str, ...] = ()
    """The first ten warnings, which fail nothing: tests of charts, which are not run, charts that render
    differently every time.
    """

    history: tuple[HistoryEntry, ...] = ()
    """The last 20 syncs that ended, newest first."""

    rollouts: tuple[RolloutSummary, ...] = ()
    """Where the rollouts of the application's workloads stand."""

    hooks: HooksStatus = HooksStatus()
    """What ran before, with and after syncs; absent without hooks."""

    rollback: RollbackStatus = RollbackStatus()
    """Commits the agent returned from."""

    delivery: DeliveryStatus = DeliveryStatus()
    """The newest deployment; `history` says what became of earlier ones."""
