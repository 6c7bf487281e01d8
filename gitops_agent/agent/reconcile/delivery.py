"""Follows the deployments of an Application over its statuses. Pure.

Problem: what became of a commit is decided over hours (it is live, Degraded within one, reverted within 24), over restarts and
failovers, while an idle agent writes nothing.
Decision: only edges of a status move it. What is under way stands in `status.delivery`, what was decided in the entry of
`status.history`, and both are written together with the edge itself, so nothing is counted twice and no failure loses its
commit. A commit changes an application when the hash of its plan differs: the hash is over what is declared, so a revert is
known by its content as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.api.conditions import find_condition
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.sync.health.status import Status

FAILS_WITHIN = timedelta(hours=1)
"""A deployment that is Degraded, or cannot be synced, so soon after it was live has failed."""
REVERTED_WITHIN = timedelta(hours=24)
"""A deployment that is undone so soon has failed, and what follows a failure so soon is rework."""
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{40,64})\b", re.MULTILINE)
_LIVE = (Status.HEALTHY.value, Status.SUSPENDED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentCounts:
    """How many deployments ended, and how.

    Attributes:
        succeeded: became live before anything failed.
        failed: failed before they were live.
        rolled_back: were rolled back before they were live.
        regressed: were live, and failed within an hour.
        reverted: were live, and were undone within 24 hours.
        reworked: revert a deployment, or follow a failed one within 24 hours.
    """

    succeeded: int = 0
    failed: int = 0
    rolled_back: int = 0
    regressed: int = 0
    reverted: int = 0
    reworked: int = 0

    def plus(self, name: str) -> DeploymentCounts:
        """One more of a kind."""
        return replace(self, **{name: getattr(self, name) + 1})

    @classmethod
    def from_json(cls, raw: Mapping[str, object]) -> DeploymentCounts:
        """Reads the counts of a status."""
        values = {each.name: raw.get(_camel(each.name)) for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if isinstance(value, int)})

    def to_json(self) -> Object:
        """The counts for a status; those that are zero are left out."""
        return {_camel(each.name): value for each in fields(self) if (value := getattr(self, each.name))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The newest deployment of an application, and the counts of all.

    Attributes:
        revision: its commit; empty before the first.
        plan: the hash of its plan.
        committed_at: when it was committed; empty for an installation, and for a return to an earlier commit.
        live: when it was Synced and healthy first.
        failed: when it failed.
        failure: why, a code from the table of reasons.
        rework: it reverts a deployment, or follows a failed one.
        returned: the commit was live before, so this is a rollback and no deployment.
        broken: since when a failure is not recovered from.
        counts: of all deployments.
    """

    revision: str = ""
    plan: str = ""
    committed_at: str = ""
    live: str = ""
    failed: str = ""
    failure: str = ""
    rework: bool = False
    returned: bool = False
    broken: str = ""
    counts: DeploymentCounts = field(default_factory=DeploymentCounts)

    @classmethod
    def from_json(cls, raw: Mapping[str, object]) -> Delivery:
        """Reads the delivery of a status."""
        counts = raw.get("deployments")
        texts = {each.name: raw.get(_camel(each.name)) for each in fields(cls) if each.name != "counts"}
        typed = {name: value for name, value in texts.items() if isinstance(value, str | bool)}
        return cls(**typed, counts=DeploymentCounts.from_json(counts if isinstance(counts, dict) else {}))  # type: ignore[arg-type]

    def to_json(self) -> Object:
        """The delivery for a status."""
        texts = {_camel(each.name): getattr(self, each.name) for each in fields(self) if each.name != "counts"}
        return {name: value for name, value in (texts | {"deployments": self.counts.to_json()}).items() if value}

    def entry(self) -> Object:
        """What the entry of its sync says of it."""
        names = ("committed_at", "live", "failed", "failure", "rework", "returned")
        return {_camel(name): value for name in names if (value := getattr(self, name))}

    def fail(self, reason: str, at: str, *, undone: bool = False) -> Delivery:
        """It failed; the first failure is the one that counts."""
        if self.failed or not self.revision:
            return self
        kind = ("reverted" if undone else "regressed") if self.live else ("rolled_back" if undone else "failed")
        counts = self.counts if self.returned else self.counts.plus(kind)
        return replace(self, failed=at, failure=reason, broken=self.broken or at, counts=counts)


def advance(before: Object, after: Object, outcome: ReconcileOutcome, *, now: datetime) -> tuple[Object, list[Object]]:
    """The delivery and the history of a status about to be written.

    Args:
        before: the status in the cluster.
        after: the status about to be written, with the history of its sync.
        outcome: of the reconcile.
        now: aware, UTC; used only where something changed.
    """
    raw = before.get("delivery")
    delivery = Delivery.from_json(raw if isinstance(raw, dict) else {})
    history: list[Object] = list(after.get("history") or [])
    if outcome.revision is None or outcome.suspended or outcome.observing or not outcome.plan:
        return delivery.to_json(), history
    moment = timestamp(now)
    edge = _Edge(before=before, after=after, outcome=outcome)
    if _begins(delivery, edge):
        delivery, history = _begin(delivery, edge, history, moment)
    elif edge.ended and outcome.revision.commit == delivery.revision:
        # The deletions of its plan are done, or its Application declares something else.
        delivery = replace(delivery, plan=outcome.plan)
    delivery = _judge(delivery, edge, moment)
    if delivery.broken and edge.recovered:
        delivery = replace(delivery, broken="")
        history = [entry | {"recovered": moment} if _unrecovered(entry) else entry for entry in history]
        fresh = {"recovered": moment} if delivery.failed else {}
    else:
        fresh = {}
    return delivery.to_json(), _recorded(delivery, history, fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """Two statuses, as far as they say something about deployments."""

    before: Object
    after: Object
    outcome: ReconcileOutcome

    @property
    def synced(self) -> bool:
        return _condition(self.after, "Synced").get("status") == "True"

    @property
    def reason(self) -> str:
        return str(_condition(self.after, "Synced").get("reason") or "")

    @property
    def held(self) -> bool:
        """Whether the agent applies an earlier commit instead."""
        return self.outcome.rollback is not None and self.outcome.rollback.held

    @property
    def refused(self) -> bool:
        """Whether the cluster does not take the commit, for good."""
        kind = reason_of(self.reason)
        return not self.synced and self.outcome.error is None and kind.kind is ReasonKind.FAILURE and not kind.transient

    @property
    def rolled_back(self) -> bool:
        """Whether the agent has just returned to the version before."""
        return self.reason == "RolledBack" and _condition(self.before, "Synced").get("reason") != "RolledBack"

    @property
    def degraded(self) -> bool:
        """Whether objects have just become Degraded, with no verdict ahead."""
        was, now = ((status.get("health") or {}).get("status") for status in (self.before, self.after))
        on_trial = self.outcome.rollback is not None and self.outcome.rollback.on_trial
        return now == Status.DEGRADED.value and was != now and not on_trial

    @property
    def applying(self) -> bool:
        """Whether the commit is on its way into the cluster."""
        return not self.synced and (reason_of(self.reason).kind is ReasonKind.PROGRESS or self.reason == "WaitingFor")

    @property
    def live(self) -> bool:
        return _condition(self.after, "Ready").get("status") == "True"

    @property
    def recovered(self) -> bool:
        healthy = (self.after.get("health") or {}).get("status") in _LIVE
        return healthy and (self.synced or self.reason == "RolledBack")

    @property
    def ended(self) -> bool:
        """Whether there is a result of the commit."""
        return not self.held and (self.synced or self.refused)


def _begins(delivery: Delivery, edge: _Edge) -> bool:
    """Whether the commit is a new one that changes the application."""
    outcome = edge.outcome
    if outcome.revision is None or outcome.revision.commit == delivery.revision:
        return False
    recorded = (str(entry.get("plan") or "") for entry in edge.before.get("history") or () if _synced(entry))
    in_force = delivery.plan or next(recorded, "")
    return outcome.plan != in_force and (edge.ended or edge.rolled_back or (edge.degraded and edge.applying and not edge.held))


def _begin(delivery: Delivery, edge: _Edge, history: list[Object], moment: str) -> tuple[Delivery, list[Object]]:
    """A new deployment, after what it undoes is marked as undone."""
    revision = edge.outcome.revision
    if revision is None:
        return delivery, history
    returned = any(entry.get("live") and entry.get("revision") == revision.commit for entry in history)
    undone = _undone(edge, moment)
    counts, marked = delivery.counts, []
    for entry in history:
        if id(entry) in undone and not entry.get("failed") and not entry.get("returned"):
            counts = counts.plus("reverted" if entry.get("live") else "rolled_back")
            marked.append(entry | {"failed": moment, "failure": "RolledBack", "recovered": moment})
        else:
            marked.append(entry)
    rework = not returned and (bool(undone) or (bool(delivery.failed) and _within(delivery.failed, moment, REVERTED_WITHIN)))
    first = not delivery.revision and not edge.before.get("history")
    committed = "" if first or returned else str((edge.after.get("source") or {}).get("committedAt") or "")
    fresh = Delivery(
        revision=revision.commit,
        plan=edge.outcome.plan,
        committed_at=committed,
        rework=rework,
        returned=returned,
        broken=delivery.broken,
        counts=counts.plus("reworked") if rework else counts,
    )
    return fresh, marked


def _judge(delivery: Delivery, edge: _Edge, moment: str) -> Delivery:
    """The newest deployment, with what the edge says of it."""
    outcome = edge.outcome
    about = outcome.plan == delivery.plan or (outcome.revision is not None and outcome.revision.commit == delivery.revision)
    if edge.rolled_back and about:
        return delivery.fail("RolledBack", moment, undone=True)
    if not about or edge.held:
        return delivery
    if edge.live and not delivery.live and edge.synced:
        counted = not delivery.failed and not delivery.returned and delivery.revision
        counts = delivery.counts.plus("succeeded") if counted else delivery.counts
        return replace(delivery, live=moment if delivery.revision else "", counts=counts)
    soon = not delivery.live or _within(delivery.live, moment, FAILS_WITHIN)
    if edge.degraded and soon:
        return delivery.fail("Degraded", moment)
    return delivery.fail(edge.reason, moment) if edge.refused and soon else delivery


def _undone(edge: _Edge, moment: str) -> set[int]:
    """The entries of deployments that the commit undoes, by identity.

    It names them, or what it declares was applied before them.
    """
    outcome = edge.outcome
    named = set(_REVERTS.findall(outcome.revision.message if outcome.revision else ""))
    deployed = [entry for entry in edge.before.get("history") or () if _synced(entry) or entry.get("failed")]
    same = next((index for index, entry in enumerate(deployed) if _synced(entry) and entry.get("plan") == outcome.plan), 0)
    return {
        id(entry)
        for index, entry in enumerate(deployed)
        if (index < same or entry.get("revision") in named)
        and _within(str(entry.get("live") or entry.get("started") or ""), moment, REVERTED_WITHIN)
    }


def _recorded(delivery: Delivery, history: list[Object], fresh: Object) -> list[Object]:
    """The history, with the newest deployment in its entry."""
    facts = delivery.entry() | fresh
    for index, entry in enumerate(history[:1] if delivery.returned else history):
        if delivery.revision and entry.get("revision") == delivery.revision:
            return [*history[:index], entry | facts, *history[index + 1 :]]
    return history


def _unrecovered(entry: Object) -> bool:
    return bool(entry.get("failed")) and not entry.get("recovered")


def _synced(entry: Object) -> bool:
    return entry.get("result") == "Synced"


def _within(start: str, end: str, span: timedelta) -> bool:
    try:
        return datetime.fromisoformat(end) - datetime.fromisoformat(start) <= span
    except (ValueError, TypeError):
        return False


def _condition(status: Object, kind: str) -> Object:
    return find_condition(status.get("conditions"), kind) or {}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
