"""What differs: plan, diff, drift, and what waits for approval."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from gitops_agent.api.application_row import SHORT, summary
from gitops_agent.api.conditions import condition_of
from gitops_agent.api.parse import parse
from gitops_agent.api.reasons import reason_of
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.field_report import FieldChange, field_changes
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.leaves import leaves
from gitops_agent.manifest.masking import Masks, is_secret, masked
from gitops_agent.manifest.merge_keys import ABSENT
from gitops_agent.manifest.yaml import dump
from gitops_agent.operations.rollout_lookup import urgency
from gitops_agent.preview.comparison import Preview, PreviewTarget, compare
from gitops_agent.preview.revision_manifests import manifests_of
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.server.answers.application import command, commit_of, window
from gitops_agent.server.answers.approvers import approvers
from gitops_agent.server.answers.call import Answer, Call, now
from gitops_agent.server.answers.commits import refuse_files
from gitops_agent.server.answers.diff_sides import sides
from gitops_agent.server.answers.keep_changes import keep_changes
from gitops_agent.server.answers.objects import object_name
from gitops_agent.server.application_row import waiting_hash
from gitops_agent.server.field_hunks import hunks, restarts, value
from gitops_agent.server.plain_text import plain
from gitops_agent.server.views import changes as views
from gitops_agent.server.views.base import ApplicationName, Commit
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.errors import describe as described
from gitops_agent.sync.desired import LEFT_OUT
from gitops_agent.sync.drift.report import describe

_LARGE = 60_000
"""Bytes of one object beyond which it is left out of an answer about many."""
_KINDS: Mapping[str, Literal["plan", "chart"]] = {"HeldForApproval": "plan", "ChartRepublished": "chart"}
"""What waits for an approval, by the reason of the Application."""
_SHOWN = {ActionKind.CREATE: "create", ActionKind.UPDATE: "update", ActionKind.REPLACE: "replace", ActionKind.DELETE: "delete"}


def plan(call: Call) -> views.PlanView:
    """What a sync would do now."""
    live = call.application()
    preview = _preview(call, live, "")
    planned, texts = preview.plan, summary(live)
    waiting = waiting_hash(live, texts["reason"])
    actions = [action for action in planned.changes() if action.intent in _SHOWN]
    left_out = [action for action in planned.actions if action.reason in LEFT_OUT]
    counts = {name: sum(1 for action in actions if action.intent is kind) for kind, name in _SHOWN.items()}
    return views.PlanView(
        application=_name(call.key),
        resource_version=str(live["metadata"].get("resourceVersion") or ""),
        hash=planned.hash,
        short=planned.hash[:SHORT],
        current=str(((live.get("status") or {}).get("sync") or {}).get("plan") or "") == planned.hash,
        commit=_commit(live, planned.revision.commit, planned.revision.subject, planned.revision.author),
        counts=views.PlanCounts(
            **counts, unchanged=len(planned.actions) - len(actions) - len(left_out), left_out=len(left_out)
        ),
        verdict=views.Verdict(
            held=planned.verdict.held,
            reason=planned.verdict.reason,
            message=plain(planned.verdict.message),
            window=window(live) if actions else "",
        ),
        blast=_blast(preview),
        keep=keep_changes(parse(live), planned, preview.format),
        objects=tuple(_chosen((_object(action, preview, call) for action in actions), call)),
        hooks=tuple(views.PlannedHook(object=object_name(hook.key), moment=moment.value) for moment, hook in preview.hooks),
        left_out=tuple(
            views.LeftOut(object=object_name(action.key), reason=action.reason, message=plain(action.message))
            for action in left_out
        ),
        rollouts=tuple(plain(note) for note in preview.rest.notes),
        warnings=tuple(plain(warning) for warning in (*planned.warnings, *_stopped(preview))),
        held_since=str(condition_of(live, "Ready").get("lastTransitionTime") or "") if waiting else "",
        command=command(f"approve {call.key.name} {waiting[:SHORT]}", live) if waiting else "",
        approvers=approvers(call.viewer.access, call.viewer.rights(call.key.namespace), call.key.name) if waiting else (),
        as_of=now(),
    )


def _stopped(preview: Preview) -> Iterator[str]:
    """That the plan does not run, for a hook that failed."""
    if preview.stopped:
        yield f"not now: {preview.stopped}"


def diff(call: Call) -> views.DiffView:
    """What differs between any two of live, plan and commits."""
    live = call.application()
    from_, to = sides(call.query["from"], call.query["to"], live)
    if "live" in (from_.kind, to.kind):
        other = to if from_.kind == "live" else from_
        preview = _preview(call, live, other.commit.revision if other.kind == "revision" else "")
        actions = [action for action in preview.plan.changes() if action.intent in _SHOWN]
        objects = [_object(action, preview, call, backwards=to.kind == "live") for action in actions]
        equal = sum(1 for action in preview.plan.actions if action.manifest is not None) - len(
            [action for action in actions if action.manifest is not None]
        )
        warnings = tuple(plain(warning) for warning in preview.plan.warnings)
    else:
        objects, equal = _between(call, live, from_, to)
        warnings = ()
    return views.DiffView(
        application=_name(call.key),
        from_=from_,
        to=to,
        objects=tuple(_chosen(iter(objects), call)),
        equal=max(0, equal),
        warnings=warnings,
        as_of=now(),
    )


def drift(call: Call) -> views.DriftView:
    """Fields that are not as the applied commit declares them."""
    live = call.application()
    applied = str(((live.get("status") or {}).get("sync") or {}).get("revision") or "")
    if not applied:
        return views.DriftView(as_of=now())
    preview = _preview(call, live, applied)
    access = call.access(call.key.namespace)
    objects = []
    for action in preview.plan.changes():
        if action.manifest is None or action.intent not in (ActionKind.UPDATE, ActionKind.CREATE, ActionKind.REPLACE):
            continue
        there = None if action.intent is ActionKind.CREATE else access.objects.get(action.key)
        report = describe(action.manifest, there)
        if not report.missing and not report.changes:
            continue
        objects.append(
            views.DriftedObject(
                application=_name(call.key),
                object=object_name(action.key),
                missing=report.missing,
                fields=tuple(
                    views.DriftField(
                        field=each.field,
                        path=each.path,
                        declared=value(each.declared),
                        live=value(each.found),
                        manager=each.manager,
                        since=each.time,
                    )
                    for each in report.changes
                ),
                more=report.more,
                state=_repair(live),
            )
        )
    return views.DriftView(objects=tuple(objects), as_of=now())


def all_drift(call: Call) -> views.DriftView:
    """Applications whose status counts objects that are not as declared."""
    objects = []
    for key, live in _seen(call):
        resources = (live.get("status") or {}).get("resources") or {}
        if not resources.get("drifted"):
            continue
        problems: list[Object] = resources.get("problems") or [{}]
        for problem in problems:
            try:
                name = ObjectKey.parse(str(problem.get("object")))
            except ValueError:
                name = APPLICATION.named(key.namespace, key.name)
            state = plain(str(problem.get("message") or f"{resources['drifted']} objects differ"))
            objects.append(views.DriftedObject(application=_name(key), object=object_name(name), state=state))
    return views.DriftView(objects=tuple(objects), as_of=now())


def held(call: Call) -> views.HeldList:
    """Everything that waits for a person, the oldest first."""
    items = [item for key, live in _seen(call) for item in _held(key, live)]
    for policy in sorted(map(RolloutProgress.of, call.service.source.policies()), key=urgency):
        declaring = policy.application
        if policy.approval and declaring is not None and call.viewer.sees(declaring):
            items.append(
                views.HeldItem(
                    application=_name(declaring),
                    kind="rollout",
                    hash=policy.approval,
                    rollout=_name(policy.key),
                    reason="AwaitingApproval",
                    message=plain(policy.message),
                    since=str(condition_of(policy.raw, "Ready").get("lastTransitionTime") or ""),
                    commit=Commit(revision=policy.state.target.commit, short=policy.state.target.commit[:SHORT])
                    if policy.state.target
                    else Commit(),
                    command=f"gitops-agent rollout approve {policy.key}",
                )
            )
    return views.HeldList(items=tuple(sorted(items, key=lambda item: item.since)))


def _held(key: AppKey, live: Object) -> Iterator[views.HeldItem]:
    texts = summary(live)
    waiting = waiting_hash(live, texts["reason"])
    if not waiting or texts["reason"] == "WindowClosed":
        return
    yield views.HeldItem(
        application=_name(key),
        kind=_KINDS.get(texts["reason"], "history"),
        hash=waiting,
        reason=texts["reason"],
        message=plain(texts["message"]),
        since=str(condition_of(live, "Ready").get("lastTransitionTime") or ""),
        commit=commit_of(live, str(((live.get("status") or {}).get("source") or {}).get("revision") or "")),
        command=command(f"approve {key.name} {waiting[:SHORT]}", live),
    )


def _seen(call: Call) -> Iterator[tuple[AppKey, Object]]:
    source = call.service.source
    for key in source.applications():
        live = source.application(key) if call.viewer.sees(key) else None
        if live is not None:
            yield key, live


def _preview(call: Call, live: Object, revision: str) -> Preview:
    """The plan as the viewer, computed at most once in a while."""
    refuse_files(call, live)
    access = call.access(call.key.namespace)
    generation, answered = live["metadata"].get("generation"), (live.get("status") or {}).get("sync") or {}
    key = (call.viewer.digest, call.key, generation, str(answered), revision)
    target = PreviewTarget(revision=revision, kept=call.service.source.kept(live), folder=call.service.folder)
    return call.service.plans.get(key, lambda: compare(access, live, target))


def _object(action: Action, preview: Preview, call: Call, *, backwards: bool = False) -> views.ObjectDiff:
    manifest = action.manifest
    changes = preview.fields.get(action.key, ())
    if backwards:
        changes = tuple(FieldChange(change.path, change.new, change.old) for change in changes)
    obj = manifest.obj if manifest is not None else {}
    error = preview.errors.get(action.key)
    text = dump(masked(obj)) if manifest is not None and action.intent is ActionKind.CREATE else ""
    note = action.message or (preview.rest.aside(action.key) if action.reason in ("New", "Changed", "Pruning") else "")
    return _sized(
        views.ObjectDiff.model_validate(
            {
                "object": object_name(action.key),
                "action": _SHOWN[action.intent],
                "reason": action.reason,
                "message": plain(note),
                "hunks": hunks(changes, secret=is_secret(obj) or action.key.kind == "Secret"),
                "yaml": text,
                "lines": text.count("\n"),
                "unchanged": max(0, sum(1 for _ in leaves(obj)) - len(changes)) if changes else 0,
                "restarts": restarts(obj, changes),
                "refused": plain(described(error, obj)) if error is not None else "",
                "refusedReason": error.reason if error is not None else "",
                "estimated": isinstance(error, Forbidden) and bool(changes),
                "dependants": tuple(_dependants(preview, action.key)),
            }
        ),
        call,
    )


def _dependants(preview: Preview, key: ObjectKey) -> Iterator[str]:
    under = preview.plan.verdict.blast.dependants.get(key)
    if under is None:
        return
    if under.total:
        more = ", …" if len(under.samples) < under.total else ""
        yield plain(f"{under.total} objects not of this application: {', '.join(under.samples)}{more}")
    yield from (plain(note) for note in under.notes)
    yield from (f"what cannot be seen of {kind}" for kind in under.cannot_see)


def _sized(view: views.ObjectDiff, call: Call) -> views.ObjectDiff:
    """The object, without rows where it is large."""
    if call.query.get("object") or len(view.model_dump_json()) <= _LARGE:
        return view
    return view.model_copy(update={"hunks": (), "yaml": "", "large": True})


def _chosen(objects: Iterator[views.ObjectDiff], call: Call) -> Iterator[views.ObjectDiff]:
    """All objects, or the one that the address names."""
    name = call.query.get("object") or ""
    for view in objects:
        parts = (view.object.group or "core", view.object.kind, view.object.namespace or "-", view.object.name)
        if not name or name == "/".join(parts):
            yield view


def _blast(preview: Preview) -> views.BlastRadiusView:
    blast = preview.plan.verdict.blast
    removals = []
    for action, keys in (("delete", blast.deletions), ("replace", blast.replacements)):
        for key in keys:
            under = blast.dependants.get(key)
            removals.append(
                views.Removal.model_validate(
                    {
                        "object": object_name(key),
                        "action": action,
                        "dependants": under.total if under else 0,
                        "declaredElsewhere": under.declared_elsewhere if under else 0,
                        "samples": under.samples if under else (),
                        "notes": tuple(plain(note) for note in under.notes) if under else (),
                        "cannotSee": under.cannot_see if under else (),
                    }
                )
            )
    return views.BlastRadiusView(
        total=blast.total, budget=blast.budget, live=blast.live, later=blast.later, removals=tuple(removals)
    )


def _between(call: Call, live: Object, from_: views.DiffSide, to: views.DiffSide) -> tuple[list[views.ObjectDiff], int]:
    """The differences of two renders, with one numbering of Secrets for all."""
    refuse_files(call, live)
    access, application = call.access(call.key.namespace), parse(live)
    kept = call.service.source.kept(live)
    with tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch:
        folder = call.service.folder or Path(scratch)
        names = [side.commit.revision if side.kind == "revision" else "" for side in (from_, to)]
        old, new = (manifests_of(access, application, folder, revision=name, kept=kept) for name in names)
    masks = Masks()
    before, after = ({each.key: masked(each.obj, masks) for each in side} for side in (old, new))
    objects = []
    for key in sorted({*before, *after}):
        if before.get(key) == after.get(key):
            continue
        if key in before and key in after:
            changes = field_changes(before[key], after[key])
            rows = hunks(changes, secret=key.kind == "Secret")
            unchanged = max(0, sum(1 for _ in leaves(after[key])) - len(changes))
            view = views.ObjectDiff(object=object_name(key), action="none", reason="Changed", hunks=rows, unchanged=unchanged)
        else:
            text = dump(after.get(key) or before[key])
            created = key in after
            view = views.ObjectDiff(
                object=object_name(key),
                action="create" if created else "delete",
                reason="New" if created else "Pruning",
                yaml=text,
                lines=text.count("\n"),
            )
        objects.append(_sized(view, call))
    return objects, len([key for key in before if before[key] == after.get(key, ABSENT)])


def _commit(live: Object, revision: str, subject: str, author: str) -> Commit:
    known_commit = commit_of(live, revision)
    return known_commit.model_copy(
        update={"subject": known_commit.subject or plain(subject), "author": known_commit.author or plain(author)}
    )


def _repair(live: Object) -> str:
    sync = (live.get("spec") or {}).get("sync") or {}
    if isinstance((live.get("spec") or {}).get("suspend"), dict):
        return "not repaired while it is paused"
    if sync.get("selfHeal") is False or sync.get("mode") == "observe":
        return "reported only"
    reason = summary(live)["reason"]
    return reason_of(reason).meaning if reason == "Fighting" else "repaired at the next sync"


def _name(key: AppKey) -> ApplicationName:
    return ApplicationName(namespace=key.namespace, name=key.name)


ANSWERS: dict[str, Answer] = {"plan": plan, "diff": diff, "drift": drift, "allDrift": all_drift, "held": held}
