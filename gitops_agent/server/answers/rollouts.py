"""Rollouts: the list, and one with its steps, weights and metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gitops_agent.api.application_row import SHORT
from gitops_agent.api.conditions import condition_of
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.operations.rollout_lookup import urgency
from gitops_agent.operations.rollout_pods import PodGroup, count
from gitops_agent.rollout.canary_objects import canary_service_name
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.describe import share
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Version
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.server.answers.application import commit_of
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.answers.objects import cannot_see, object_name
from gitops_agent.server.plain_text import plain
from gitops_agent.server.rights import ROLLOUT_VERBS, Rights, rule_for
from gitops_agent.server.views.application import Action
from gitops_agent.server.views.base import ApplicationName, Commit
from gitops_agent.server.views.rollout import PodsView, RolloutList, RolloutRow, RolloutView, TrafficView, WeightView
from gitops_agent.server.views.timeline import Measurement, MetricView, RolloutStepView, RunView, VersionView


def rollouts(call: Call) -> RolloutList:
    """Those of the Applications that the viewer may see, most urgent first."""
    every = sorted(map(RolloutProgress.of, call.service.source.policies()), key=urgency)
    shown = [each for each in every if each.application is not None and call.viewer.sees(each.application)]
    return RolloutList(rollouts=tuple(_row(each) for each in shown))


def rollout(call: Call) -> RolloutView:
    """One rollout."""
    progress = RolloutProgress.of(call.policy())
    raw, state, now = progress.raw, progress.state, datetime.now(UTC)
    status = raw.get("status") or {}
    declaring = call.service.source.application(progress.application) if progress.application else None
    live = declaring or {"metadata": {}}
    sides, unseen = count(call.access(progress.key.namespace), progress)
    return RolloutView(
        row=_row(progress),
        resource_version=str(raw["metadata"].get("resourceVersion") or ""),
        stable=_version(live, progress.stable),
        target=_version(live, state.target),
        pods=tuple(_pods(side) for side in sides),
        cannot_see=cannot_see(unseen),
        traffic=_traffic(progress),
        steps=tuple(_steps(progress, now)),
        until=str(status.get("until") or ""),
        waits_for=tuple(plain(text) for text in progress.waits(now)),
        metrics=tuple(_metric(progress, each) for each in status.get("analysis") or ()),
        notes=tuple(plain(str(note)) for note in status.get("notes") or ()),
        held=tuple(plain(str(text)) for text in status.get("held") or ()),
        history=tuple(_run(live, each) for each in status.get("history") or ()),
        rejected=tuple(_run(live, each) for each in status.get("rejected") or ()),
        actions=actions(progress, call.viewer.rights(progress.key.namespace)),
    )


def actions(progress: RolloutProgress, rights: Rights) -> tuple[Action, ...]:
    """What the viewer can command now, and why not."""
    result = []
    for verb in ROLLOUT_VERBS:
        missing = rights.missing(verb, "rolloutpolicies", progress.key.name)
        unfit = progress.refusal(CommandKind(verb))
        why = plain(unfit) or (f"you may not {missing} rolloutpolicies in {rights.namespace}" if missing else "")
        rule = rule_for(missing, "rolloutpolicies", rights.namespace) if missing else ""
        words = {"promote": "promote {0} --full", "advance": "promote {0}"}.get(verb, f"{verb} {{0}}").format(progress.key)
        result.append(Action(verb=verb, allowed=not why, why=why, rule=rule, command=f"gitops-agent rollout {words}"))
    return tuple(result)


def _row(progress: RolloutProgress) -> RolloutRow:
    status = progress.raw.get("status") or {}
    step = progress.place.partition("/")[0]
    return RolloutRow(
        namespace=progress.key.namespace,
        name=progress.key.name,
        application=_name(progress),
        workload=str(progress.workload),
        strategy=progress.strategy,
        phase=progress.state.phase.value,
        outlook=progress.outlook.value,
        step=int(step) if step else 0,
        steps=len(progress.steps),
        weight=WeightView(
            requested=int(status.get("weight") or 0),
            actual=int(status.get("actualWeight") or 0),
            verified=bool(status.get("verified")),
            verified_at=_moment(progress),
        ),
        message=plain(progress.message),
        approval=progress.approval,
        changed_at=str(condition_of(progress.raw, "Ready").get("lastTransitionTime") or ""),
    )


def _moment(progress: RolloutProgress) -> str:
    """When the share was seen in force."""
    traffic = progress.state.traffic
    return timestamp(traffic.verified_at) if traffic.verified and traffic.verified_at is not None else ""


def _pods(side: PodGroup) -> PodsView:
    return PodsView.model_validate(
        {
            "side": side.role,
            "workload": object_name(side.workload),
            "there": side.there,
            "version": side.version,
            "images": tuple(plain(image) for image in side.images),
            "wanted": side.wanted,
            "available": side.available,
            "updated": side.updated,
        }
    )


def _traffic(progress: RolloutProgress) -> TrafficView | None:
    """What divides the traffic of the run, or would."""
    spec, state, namespace = progress.spec, progress.state, progress.key.namespace
    if spec is None or spec.strategy.rolling is not None or spec.service is None:
        return None
    provider = str(spec.traffic.provider)
    groups = {kind: group for group, _, kind in (each.partition("/") for each in CAPABILITIES[provider].kinds)}
    keys = [ObjectKey(groups.get(str(each.kind), ""), str(each.kind), namespace, each.name) for each in spec.traffic.routes]
    if not keys:
        keys = [SERVICE.named(namespace, spec.service)]
        keys += [SERVICE.named(namespace, canary_service_name(spec.service))] if progress.shifting else []
    return TrafficView(
        provider=provider,
        asked=share(state.traffic.want) if progress.shifting else "",
        routes=tuple(object_name(key) for key in keys),
    )


def _name(progress: RolloutProgress) -> ApplicationName | None:
    key = progress.application
    return ApplicationName(namespace=key.namespace, name=key.name) if key is not None else None


def _steps(progress: RolloutProgress, now: datetime) -> list[RolloutStepView]:
    steps = []
    for line in progress.lines(now):
        weight = progress.steps[line.number - 1].share.weight if line.number and progress.strategy == "canary" else None
        steps.append(
            RolloutStepView.model_validate(
                {"number": line.number, "does": line.text, "is": line.mark.name.lower(), "note": line.note, "weight": weight}
            )
        )
    return steps


def _metric(progress: RolloutProgress, raw: Object) -> MetricView:
    declared = next((each for each in _declared(progress) if each.get("name") == raw.get("metric")), {})
    limits = [f"{name} {declared[name]}" for name in ("success", "failure", "maxIncrease") if declared.get(name)]
    if declared.get("compare"):
        limits.append(f"compared with {declared['compare']}")
    return MetricView(
        name=str(raw.get("metric") or ""),
        limit=plain("; ".join(limits)),
        dry_run=bool(raw.get("dryRun")),
        samples=int(raw.get("samples") or 0),
        succeeded=int(raw.get("succeeded") or 0),
        failed=int(raw.get("failed") or 0),
        inconclusive=int(raw.get("inconclusive") or 0),
        errors=int(raw.get("errors") or 0),
        message=plain(str(raw.get("message") or "")),
        measurements=tuple(
            Measurement(
                at=str(each.get("at") or ""),
                verdict=str(each.get("verdict") or ""),
                value=plain(str(each.get("value") or "")),
                message=plain(str(each.get("message") or "")),
            )
            for each in raw.get("measurements") or ()
        ),
    )


def _declared(progress: RolloutProgress) -> list[dict[str, Any]]:
    analysis = (progress.raw.get("spec") or {}).get("analysis") or {}
    return [each for each in analysis.get("metrics") or () if isinstance(each, dict)]


def _version(live: Object, version: Version | None) -> VersionView | None:
    return VersionView(hash=version.hash, commit=commit_of(live, version.commit)) if version is not None else None


def _run(live: Object, raw: Object) -> RunView:
    revision = str(raw.get("revision") or "")
    commit = commit_of(live, revision) if live.get("spec") else Commit(revision=revision, short=revision[:SHORT])
    return RunView(
        version=VersionView(hash=str(raw.get("hash") or ""), commit=commit),
        result=str(raw.get("result") or ""),
        reason=plain(str(raw.get("reason") or "")),
        at=str(raw.get("at") or ""),
    )


ANSWERS: dict[str, Answer] = {"rollouts": rollouts, "rollout": rollout}
