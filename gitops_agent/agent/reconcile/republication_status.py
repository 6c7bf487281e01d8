"""The status of a chart that was published again. Pure.

What waits for an approval and what was accepted are in the status because both have to outlive the agent and its cache: an
approval counts for the content that the status named, and a restart goes on with what was accepted.
"""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.agent.reconcile.approvals import granted
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.agent.reconcile.planner import PlanMemo
from gitops_agent.api.application import Application
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import mapping
from gitops_agent.revision.revision import Revision
from gitops_agent.source.chart.republication import Republication, accepted, republication_of
from gitops_agent.sync.planning.policy import Approval


def held(outcome: ReconcileOutcome) -> tuple[Republication, str] | None:
    """What waits for an approval, and the message; None for nothing."""
    for error in (outcome.source_error, outcome.error):
        change = republication_of(error)
        if change is not None:
            return change, str(error)
    return None


def republication_status(before: Object, outcome: ReconcileOutcome) -> Object:
    """The fields `republished` and `accepted` of the source's status."""
    waiting, old = held(outcome), mapping(before.get("source"))
    result: Object = {}
    if waiting is not None:
        result["republished"] = waiting[0].to_json()
    elif outcome.revision is None and "republished" in old and outcome.accepted is None:
        result["republished"] = old["republished"]
    kept = outcome.accepted or Republication.from_json(mapping(old.get("accepted")))
    if kept is not None and _concerns(kept, outcome.revision):
        result["accepted"] = kept.to_json()
    return result


def note_acceptance(application: Application, revision: Revision, before: Object, plans: PlanMemo) -> None:
    """Remembers who accepted a content, for the status and the history.

    Args:
        application: as the cluster has it.
        revision: that is followed.
        before: the status as last written.
        plans: of the Application.
    """
    republication = accepted(application)
    if republication is None or mapping(before, "source", "accepted").get("approval") == republication.hash:
        return
    grant = granted(application, revision, trailers=False)
    approval = Approval(hash=republication.hash, content=republication.content, deletions=frozenset())
    plans.approved = replace(approval, by=grant.by, via=grant.via) if grant is not None else approval


def _concerns(kept: Republication, revision: Revision | None) -> bool:
    """Whether it is about the followed chart, as far as is known."""
    if revision is None:
        return True
    chart = revision.chart
    return chart is not None and (chart.repository, chart.name) == (kept.repository, kept.name)
