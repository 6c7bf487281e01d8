"""Prints a preview: the plan with its fields, holds and exclusions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.merge_keys import ABSENT
from gitops_agent.operations.plan_summary import SIGNS, plan_summary
from gitops_agent.preview.comparison import Preview
from gitops_agent.preview.rollout_projection import RolloutProjection
from gitops_agent.sync.action import LEFT_BEHIND, Action, ActionKind
from gitops_agent.sync.apply.errors import describe
from gitops_agent.sync.desired import LEFT_OUT
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.windows import Closed

_JSON = (dict, list, bool, int, float, type(None))
_SENTENCES = (" stays (", "cannot be seen")
"""Texts of notes that are no part of a deletion."""

_PLAIN = ("New", "Changed", "Pruning")
_WORDS = {
    ActionKind.CREATE: "Healthy",
    ActionKind.UPDATE: "OutOfSync",
    ActionKind.REPLACE: "HeldForApproval",
    ActionKind.DELETE: "Degraded",
}


def show(comparison: Preview, window: Closed | None = None) -> int:
    """Prints the plan; returns exit code 0 for no change, else 3.

    `window` is the closed window that the plan would wait for.
    """
    plan = comparison.plan
    shown = [action for action in plan.changes() if action.intent in _WORDS]
    for action in shown:
        click.echo(
            out.coloured(f"{SIGNS[action.intent]} {action.key}", _WORDS[action.intent]) + _aside(action, comparison.rest)
        )
        for change in comparison.fields.get(action.key, ()):
            click.echo("    " + out.line(f"{change.field}: {_text(change.old)} → {_text(change.new)}"))
        for text in dependants_of(comparison.plan.verdict.blast.dependants.get(action.key)):
            click.echo(f"    {out.line(text)}")
        if action.key in comparison.errors:
            obj = action.manifest.obj if action.manifest is not None else None
            click.echo("    " + out.coloured(f"refused: {describe(comparison.errors[action.key], obj)}", "False"))
    _show_hooks(comparison)
    for warning in plan.warnings:
        out.talk(f"warning: {out.line(warning)}")
    left_out = [action for action in plan.actions if action.reason in LEFT_OUT]
    for action in left_out:
        out.talk(f"left out: {action.key}: {out.line(action.message)}")
    for action in plan.actions:
        if action.reason in LEFT_BEHIND:
            out.talk(f"left behind: {action.key}: {out.line(action.message)}")
    for note in comparison.rest.notes:
        out.talk(out.line(note))
    out.talk(plan_summary(plan))
    _show_holds(comparison, window if shown or comparison.hooks else None)
    return DIFFERENT if shown or comparison.hooks else 0


def _show_holds(comparison: Preview, window: Closed | None) -> None:
    """Why the plan does not run now."""
    if comparison.plan.verdict.held:
        out.talk(f"it would be held: {comparison.plan.verdict.message}")
    if comparison.stopped:
        out.talk(out.line(f"not now: {comparison.stopped}"))
    if window is not None:
        out.talk(out.line(f"not now: it {window}"))


def _show_hooks(comparison: Preview) -> None:
    for moment, hook in comparison.hooks:
        click.echo(out.coloured(f"> {moment.value} {hook.key}", "Progressing") + "  (a hook that would run)")


def dependants_of(under: Dependants | None) -> Iterator[str]:
    """What a deletion removes besides its object, a sentence each."""
    if under is not None:
        if under.total:
            more = ", …" if len(under.samples) < under.total else ""
            count = f"{under.total} object{'s' if under.total > 1 else ''}"
            yield f"also deletes {count} not of this application: {', '.join(under.samples)}{more}"
        for note in under.notes:
            yield note if any(text in note for text in _SENTENCES) else f"also deletes {note}"
        yield from (f"also deletes what cannot be seen of {kind}" for kind in under.cannot_see)


def document(comparison: Preview, window: Closed | None = None) -> Object:
    """The comparison as JSON values, with the closed window."""
    plan = comparison.plan
    return {
        "application": str(plan.application),
        "revision": plan.revision.commit,
        "plan": plan.hash,
        "held": plan.verdict.message if plan.verdict.held else "",
        "window": str(window) if window is not None and plan.changes() else "",
        "stopped": comparison.stopped,
        "actions": [
            {
                "object": str(action.key),
                "action": action.intent.value,
                "reason": action.reason,
                "message": action.message or (comparison.rest.aside(action.key) if action.reason in _PLAIN else ""),
                "fields": [
                    {"path": c.path, "old": _json(c.old), "new": _json(c.new)} for c in comparison.fields.get(action.key, ())
                ],
                "refused": str(comparison.errors[action.key]) if action.key in comparison.errors else "",
            }
            for action in plan.changes()
        ],
        "hooks": [{"object": str(hook.key), "moment": moment.value} for moment, hook in comparison.hooks],
        "warnings": list(plan.warnings),
        "rollouts": list(comparison.rest.notes),
    }


def _aside(action: Action, rested: RolloutProjection) -> str:
    if action.kind is ActionKind.HOLD or action.reason in _PLAIN:
        held = rested.aside(action.key) if action.reason in _PLAIN else ""
        return f"  ({out.line(held)})" if held else ""
    return f"  ({out.line(action.message or action.reason)})"


def _text(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=repr) if type(value) in _JSON else repr(value)
    return text if len(text) <= 100 else text[:99] + "…"  # noqa: PLR2004 - one line


def _json(value: Any) -> Any:
    return None if value is ABSENT else value
