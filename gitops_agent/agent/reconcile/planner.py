"""Plans a desired state against the live objects and earlier answers.

Two things are not in Git: the dependents of a plan's deletions, which are counted before a user is asked to approve it, and
which objects the API server refuses to change in place. Both are learnt once for a plan, which is then made again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.reconcile.approvals import APPLICATION_ABOVE, Grant, granted, trailer
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.api.application import Application
from gitops_agent.install.bundle import protected
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.manifest.marks import owner
from gitops_agent.sync.action import REMOVES, Action, ActionKind
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.planning.blast_radius import DependantCounter
from gitops_agent.sync.planning.crd_upgrade import check
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.plan import plan as make_plan
from gitops_agent.sync.planning.policy import APPROVAL_DIGITS, Approval, BudgetUse, PlanPolicy, names

_COUNT_AGAIN_SECONDS = 300.0
_MARGIN_SECONDS = 1.0


@dataclass(slots=True)
class PlanMemo:
    """What planner and applier remember of one application.

    Attributes:
        plan: the last plan.
        preview: the plan of a commit whose rollout waits for approval; None while none does.
        approval: an approved plan under way.
        grant: the approval that is written now, of whatever plan; None without one.
        above: the approval of an Application above that covers the deletion of this one; None without one.
        approved: the last plan that ran because it was approved.
        over_budget: the hash of the plan that the budget over all Applications holds until it is approved; empty without one.
        recorded: live objects of the application by kind, when each kind was last listed.
        immutable: objects that the API server refuses to change in place to `proved`, the content of a plan.
        proved: see `immutable`.
        verified: versions of objects that the API server was asked about, because only their field manager proved them.
        counted: the dependents of the deletions of the plan with hash `counted_for`, as of the monotonic time `counted_at`.
        counted_for: see `counted`.
        counted_at: see `counted`.
        left: digests of what is sent of objects without the fields that other managers own.
        release: the warning of a release that Helm remembers, as of the generation, commit and request `release_as_of`.
        release_as_of: see `release`.
    """

    plan: Plan | None = None
    preview: Plan | None = None
    approval: Approval | None = None
    grant: Grant | None = None
    above: Approval | None = None
    approved: Approval | None = None
    over_budget: str = ""
    recorded: Mapping[GroupKind, int] = field(default_factory=dict)
    immutable: frozenset[ObjectKey] = frozenset()
    proved: str = ""
    verified: set[tuple[ObjectKey, str]] = field(default_factory=set)
    counted: Mapping[ObjectKey, Dependants] = field(default_factory=dict)
    counted_for: str = ""
    counted_at: float = 0.0
    left: Mapping[ObjectKey, str] = field(default_factory=dict)
    release: str = ""
    release_as_of: str = ""

    @property
    def hash(self) -> str:
        """Hash of the plan that users approve: the preview, else the last."""
        plan = self.preview or self.plan
        return plan.hash if plan else ""

    def refuse_update(self, keys: frozenset[ObjectKey], plan: Plan) -> None:
        """Remembers objects that the API server refuses to change in place."""
        self.immutable, self.proved = self.immutable | keys, plan.content

    def follow(self, plan: Plan, snapshot: Snapshot, *, rolling: bool) -> Plan:
        """Takes over the last plan; its approval stays while deletions are pending.

        Returns the plan.

        Args:
            plan: the last plan.
            snapshot: what it was made from.
            rolling: a rollout is under way, so an approved plan comes to its deletions later.
        """
        self.plan = plan
        if plan.verdict.approved:
            # A rollout comes to the last deletions of its commit when the first ones are done.
            if not (rolling and self.approval is not None and self.approval.includes(plan.approval())):
                self.approve(plan)
        elif self.approval is not None and not rolling and not _under_way(self.approval, plan, snapshot):
            self.approval = None
        return plan

    def approve(self, plan: Plan) -> None:
        """Remembers an approved plan under the hash that was approved.

        Its own hash changes while its deletions are done.
        """
        approval, before, grant = plan.approval(), self.approval, self.grant
        if before is not None and before.content == plan.content:
            approval = replace(approval, covers=approval.covers | before.covers)
        if grant is not None and names(grant.plan, plan.hash):
            approval = replace(approval, by=grant.by, via=grant.via)
        elif before is not None and before.content == plan.content:
            approval = replace(approval, hash=before.hash, by=before.by, via=before.via)
        elif self.above is not None:
            approval = replace(approval, by=self.above.by, via=self.above.via)
        self.approval = self.approved = approval


class Planner:
    """Makes the plans of applications.

    Args:
        stores: the live objects, and which Applications exist.
        claims: which application declares an object.
        dependants: counts the dependents of deletions.
        agent_namespace: where the agent is installed; its own objects are protected.
        trailers: whether a commit may approve a plan.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stores: Stores,
        claims: ClaimRegistry,
        dependants: DependantCounter,
        agent_namespace: str,
        *,
        trailers: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live, self._applications, self._access, self._claims = stores.live, stores.applications, stores.access, claims
        self._dependants, self._trailers, self._clock = dependants, trailers, clock
        self._lock = threading.Lock()
        self._covering: dict[AppKey, Approval] = {}
        self._agent_namespace, self._protected = agent_namespace, protected(agent_namespace)

    def snapshot(self, application: AppKey, desired: Desired) -> Snapshot:
        """The live objects; those of deleted Applications may be adopted."""
        snapshot = self._live.snapshot(application, [manifest.key for manifest in desired.manifests])
        uid = self._applications.uid(application)
        objects, moving, released = {}, {}, {}
        for key, live in snapshot.objects.items():
            if live.owner == application and live.owner_uid and live.owner_uid != uid:
                # Of an earlier Application of this name, which left it behind.
                live = replace(live, owner=None, claimed=application)  # noqa: PLW2901 - the same object, unverified
            owned_by = live.named
            if (
                owned_by is not None
                and owned_by != application
                and (not self._applications.may_exist(owned_by) or self._claims.may_adopt(key, application, owned_by))
            ):
                live = replace(live, owner=None, claimed=None)  # noqa: PLW2901 - the same object without its owner
                released[key] = owned_by
            elif owned_by == application and (other := self._claims.wanted_by_another(key, application)) is not None:
                moving[key] = other  # handed over: the other application declares it, so it is not ours to delete
                continue
            objects[key] = live
        return replace(snapshot, objects=objects, moving=moving, released=released)

    def plan(
        self,
        application: Application,
        desired: Desired,
        snapshot: Snapshot,
        memo: PlanMemo,
        *,
        deleting: bool = False,
        over_budget: BudgetUse | None = None,
    ) -> Plan:
        """Makes the plan, twice when the dependents of deletions must be counted.

        `over_budget` is the budget over all Applications, when it has no room for the plan.

        A held plan is read by many reconciles and by a user who decides: it is counted once, and again after a while.

        Raises:
            PlanError: the desired state cannot be planned.
        """
        memo.above = self._above(application) if deleting else None
        memo.grant = granted(application, desired.revision, trailers=self._trailers)
        policy = replace(self._policy(application, memo, deleting=deleting), over_budget=over_budget)
        if not deleting:
            check(desired.manifests, lambda kinds: self._claims.written_in(kinds, besides=application.key))
        plan = make_plan(desired, snapshot, policy, immutable=memo.immutable)
        # An Application under deletion waits for the permission instead: its objects would stay unreported.
        undeletable = frozenset[ObjectKey]() if deleting else self._undeletable(application, plan)
        if undeletable:
            policy = replace(policy, undeletable=undeletable)
            plan = make_plan(desired, snapshot, policy, immutable=memo.immutable)
        if memo.immutable and memo.proved != plan.content:
            memo.immutable = frozenset()
            plan = make_plan(desired, snapshot, policy)
        if not plan.uncounted and not plan.verdict.held:
            return plan
        return self._counted(desired, snapshot, policy, memo, plan)

    def _counted(self, desired: Desired, snapshot: Snapshot, policy: PlanPolicy, memo: PlanMemo, plan: Plan) -> Plan:
        """The plan again, with the dependents of its deletions."""
        now = self._clock()
        if memo.counted_for != plan.hash or now - memo.counted_at > _COUNT_AGAIN_SECONDS:
            memo.counted, memo.counted_for, memo.counted_at = self._dependants.gather(plan), plan.hash, now
        plan = make_plan(desired, snapshot, policy, dependants=memo.counted, immutable=memo.immutable)
        if plan.verdict.held and not self._trailers and names(trailer(desired.revision.message), plan.hash):
            note = f"{plan.verdict.message}; the trailer of its commit does not approve it (sync.approval is annotation)"
            plan = replace(plan, verdict=replace(plan.verdict, message=note))
        if plan.verdict.held and policy.over_budget is not None:
            command = f"gitops-agent approve {plan.application.name} {plan.hash[:APPROVAL_DIGITS]}"
            plan = replace(plan, verdict=replace(plan.verdict, message=f"{plan.verdict.message}; to let it run: {command}"))
        return plan

    def _above(self, application: Application) -> Approval | None:
        """The approval of the Application that declares this one."""
        authority = self._live.authority
        parent = owner(application.raw) if authority is None else authority.owner(application.raw)
        if parent is None:
            return None
        with self._lock:
            approval = self._covering.get(parent)
        if approval is None:
            status = (self._applications.raw(parent) or {}).get("status") or {}
            approval = Approval.from_json((status.get("sync") or {}).get("approval") or {})
        return None if approval is None else replace(approval, via=f"{APPLICATION_ABOVE}{parent}")

    def approved(self, application: AppKey, memo: PlanMemo) -> None:
        """Lets the Applications below know what an approval covers.

        The status holds it too, but is written later than the deletions are sent.
        """
        with self._lock:
            self._covering = {key: value for key, value in self._covering.items() if self._applications.raw(key) is not None}
            self._covering.pop(application, None)
            if memo.approval is not None and memo.approval.covers:
                self._covering[application] = memo.approval

    def _undeletable(self, application: Application, plan: Plan) -> frozenset[ObjectKey]:
        """What the account may not delete, so that it holds no plan."""
        if application.user is None:
            return frozenset()
        deleted = [action.key for action in plan.actions if action.intent is ActionKind.DELETE and _is_due(action)]
        return self._access.undeletable(application.user, deleted)

    def recount(self, memo: PlanMemo) -> float | None:
        """Seconds until the count of a held plan expires, None without one.

        What it counted may be gone by then, and nothing else would bring the application back on the queue.
        """
        plan = memo.preview or memo.plan
        if plan is None or not plan.verdict.held:
            return None
        return max(0.0, memo.counted_at + _COUNT_AGAIN_SECONDS - self._clock()) + _MARGIN_SECONDS

    def _policy(self, application: Application, memo: PlanMemo, *, deleting: bool) -> PlanPolicy:
        sync, authority = application.spec.sync, self._live.authority
        return PlanPolicy(
            prune=sync.prune,
            self_heal=sync.self_heal,
            mode=sync.mode,
            error_policy=sync.error_policy,
            guard=sync.deletion_guard,
            application_deleting=deleting,
            approved=memo.grant.plan if memo.grant else None,
            carried=memo.approval,
            covered=memo.above.covers if memo.above else frozenset(),
            ignore_fields=sync.ignore_fields,
            agent_namespace=self._agent_namespace,
            protected=self._protected,
            recorded=memo.recorded,
            application_uid=application.uid,
            sealing=authority is not None and authority.ready,
            unverified=authority.problem if authority is not None and not authority.ready else "",
        )


def _is_due(action: Action) -> bool:
    return action.writes or action.kind is ActionKind.HOLD


def _under_way(approval: Approval, plan: Plan, snapshot: Snapshot) -> bool:
    """Whether approved deletions may be pending.

    After a start not all of them are known, or allowed, at once.
    """
    if approval.content != plan.content:
        return False
    pending = any(action.intent in REMOVES for action in plan.actions)
    return plan.verdict.held or pending or not snapshot.complete or bool(snapshot.cannot_see)
