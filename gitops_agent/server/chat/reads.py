"""Answers of a chat that change nothing.

Their rows, facts and reasons are those of commands and dashboard.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitops_agent.api.application_row import SHORT, summary
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import owner
from gitops_agent.operations.plan_summary import SIGNS, plan_summary
from gitops_agent.operations.rollout_lookup import urgency
from gitops_agent.operations.status_facts import HEADERS, badness, status_facts, status_row
from gitops_agent.preview.comparison import Preview
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.server.answers.application import headline
from gitops_agent.server.application_row import waiting_hash
from gitops_agent.server.chat.commands import MEANING, SLASH, USAGE
from gitops_agent.server.chat.slack_text import ChatReply, table
from gitops_agent.server.source import Source

_ROWS = 20
_PROBLEMS = 5


def help_text() -> ChatReply:
    """The commands."""
    rows = [(f"{SLASH} {usage}", MEANING[verb]) for verb, usage in USAGE.items()]
    return ChatReply(title="Commands", lines=table(("command", "meaning"), rows))


def overview(applications: list[Object]) -> ChatReply:
    """The Applications, unhealthy first."""
    if not applications:
        return ChatReply(title="There are no Applications.")
    ordered = sorted(applications, key=badness)
    left = len(ordered) - _ROWS
    more = (f"… and {left} more; `{SLASH} status APP` shows one",) if left > 0 else ()
    ready = sum(1 for each in ordered if summary(each)["ready"] == "True")
    title = f"{ready} of {len(ordered)} Applications are ready"
    return ChatReply(title=title, lines=(*table(HEADERS, map(status_row, ordered[:_ROWS])), *more))


def detail(source: Source, live: Object) -> ChatReply:
    """One Application."""
    key = _key(live)
    rollouts = sorted((RolloutProgress.of(raw) for raw in source.policies() if owner(raw) == key), key=urgency)
    return ChatReply(title=_title(live), lines=_aligned(status_facts(live, rollouts)))


def why(live: Object) -> ChatReply:
    """Why an Application is as it is, and what to do."""
    head = headline(live)
    facts = [("Reason", f"{head.reason}: {head.message}"), ("Meaning", head.meaning), ("Remedy", head.remedy)]
    facts += [("Since", head.since), ("Object", head.object)]
    for title, commit in (("Commit", head.commit), ("Was healthy", head.healthy_commit)):
        by = f" by {commit.author}" if commit.author else ""
        facts.append((title, f"{commit.short} {commit.subject}{by}" if commit.short else ""))
    facts += [("Problem", text) for text in _problems(live)]
    facts += [("Next", step) for step in head.next]
    return ChatReply(title=_title(live), lines=_aligned([(title, text) for title, text in facts if text]))


def waiting(live: Object) -> ChatReply:
    """What waits for an approval, and how it is given."""
    name, texts = str(live["metadata"]["name"]), summary(live)
    held = waiting_hash(live, texts["reason"])
    if not held:
        return ChatReply(title=f"{name}: nothing waits for an approval")
    facts = [("Reason", f"{texts['reason']}: {texts['message']}"), ("Plan", held[:SHORT])]
    facts += [("Problem", text) for text in _problems(live)]
    facts.append(("Approve", f"type `{SLASH} approve {name}` and the twelve digits of the plan"))
    return ChatReply(title=_title(live), lines=_aligned(facts))


def difference(live: Object, preview: Preview) -> ChatReply:
    """What a sync would change: which objects, without fields and values."""
    plan = preview.plan
    changes = [action for action in plan.changes() if action.intent in SIGNS]
    lines = [f"{SIGNS[action.intent]} {action.key}" for action in changes[:_ROWS]]
    lines += [f"… and {len(changes) - _ROWS} more"] if len(changes) > _ROWS else []
    lines += [f"it would be held: {plan.verdict.message}"] if plan.verdict.held else []
    lines += [f"not now: {preview.stopped}"] if preview.stopped else []
    return ChatReply(title=f"{_key(live)}: {plan_summary(plan)}", lines=tuple(lines))


def _title(live: Object) -> str:
    head = headline(live)
    return f"{_key(live)} is {head.state}"


def _problems(live: Object) -> Iterator[str]:
    problems = ((live.get("status") or {}).get("resources") or {}).get("problems") or ()
    for each in problems[:_PROBLEMS]:
        yield f"{each.get('object')} {each.get('reason')}: {each.get('message')}"
    if len(problems) > _PROBLEMS:
        yield f"and {len(problems) - _PROBLEMS} more"


def _aligned(facts: list[tuple[str, str]]) -> tuple[str, ...]:
    width = max((len(title) for title, _ in facts), default=0) + 2
    return tuple(f"{title + ':':<{width}}{' '.join(text.split())}" for title, text in facts)


def _key(live: Object) -> AppKey:
    return AppKey(str(live["metadata"].get("namespace") or ""), str(live["metadata"]["name"]))
