"""The page of one Application: its state, why, and actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gitops_agent.api.application_row import SHORT, State, state_of, summary
from gitops_agent.api.conditions import condition_of
from gitops_agent.api.reasons import reason_of
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import FOLLOWED, annotation
from gitops_agent.manifest.selector import matches
from gitops_agent.manifest.yaml import dump
from gitops_agent.operations.sync_window import closed_window
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.answers.dependencies import graph, needs_of
from gitops_agent.server.application_row import counts_of, rollout_mark, waiting_hash
from gitops_agent.server.code_links import commit_link, compare_link, shown_address
from gitops_agent.server.plain_text import plain
from gitops_agent.server.rights import APPLICATION_VERBS, SHARE, Rights, rule_for
from gitops_agent.server.views import application as views
from gitops_agent.server.views.base import ApplicationName, Commit

_DEFAULT_NAMESPACE = "gitops-system"


def application(call: Call) -> views.ApplicationView:
    """Everything the page of an Application shows at first."""
    live = call.application()
    metadata, spec, status = live["metadata"], live.get("spec") or {}, live.get("status") or {}
    texts = summary(live)
    policy = call.service.source.policy
    resources = status.get("resources") or {}
    waiting = waiting_hash(live, texts["reason"])
    suspend = spec.get("suspend")
    return views.ApplicationView(
        namespace=call.key.namespace,
        name=call.key.name,
        uid=str(metadata.get("uid") or ""),
        resource_version=str(metadata.get("resourceVersion") or ""),
        agent=call.key.namespace,
        labels={str(name): str(value) for name, value in (metadata.get("labels") or {}).items()},
        headline=headline(live),
        ready=texts["ready"],
        sync=texts["sync"],
        health=texts["health"],
        conditions=tuple(_condition(each) for each in status.get("conditions") or ()),
        source=_source(live),
        plan=str((status.get("sync") or {}).get("plan") or ""),
        held=waiting,
        counts=counts_of(resources),
        problems=tuple(problem(each) for each in resources.get("problems") or ()),
        warnings=tuple(plain(str(text)) for text in status.get("warnings") or ()),
        paused=views.Pause(reason=plain(str(suspend.get("reason") or "")), until=str(suspend.get("until") or ""))
        if isinstance(suspend, dict)
        else None,
        window=window(live),
        pinned=plain(annotation(live, FOLLOWED) or ""),
        rollout=rollout_mark(status.get("rollouts") or (), policy),
        rollouts=tuple(_rollout(each) for each in status.get("rollouts") or ()),
        hooks=tuple(_hook(each) for each in (status.get("hooks") or {}).get("runs") or ()),
        depends_on=tuple(_neighbours(call, needs_of(call.key, live))),
        required_by=tuple(_neighbours(call, _dependants(call))),
        graph=graph(call),
        notifiers=tuple(_receivers(call, live)),
        actions=actions(live, call.viewer.rights(call.key.namespace), shares=call.service.shares is not None),
    )


def spec(call: Call) -> views.ApplicationSpecView:
    """The declaration, without the status."""
    live = call.application()
    name = ApplicationName(namespace=call.key.namespace, name=call.key.name)
    return views.ApplicationSpecView(application=name, yaml=dump(live.get("spec") or {}))


def headline(live: Object) -> views.Headline:
    """Why it is not live, or that it is."""
    texts, status = summary(live), live.get("status") or {}
    reason = reason_of(texts["reason"])
    state = state_of(live, texts)
    history = status.get("history") or ()
    repository = str(((live.get("spec") or {}).get("source") or {}).get("repoURL") or "")
    begun = commit_of(live, str((status.get("source") or {}).get("revision") or ""))
    good = next(
        (
            str(each.get("revision"))
            for each in history
            if each.get("result") == "Synced" and each.get("revision") != begun.revision
        ),
        "",
    )
    troubled = state in (State.DEGRADED, State.MISSING, State.HELD)
    problems = (status.get("resources") or {}).get("problems") or ()
    return views.Headline(
        state=state,
        reason=texts["reason"],
        meaning=reason.meaning,
        message=plain(texts["message"]),
        remedy=reason.remedy,
        since=str(condition_of(live, "Ready").get("lastTransitionTime") or ""),
        object=str(problems[0].get("object") or "") if problems and troubled else "",
        commit=begun,
        healthy_commit=commit_of(live, good) if troubled and good else Commit(),
        compare=compare_link(repository, good, begun.revision) if troubled else "",
        next=tuple(_next(live, state, texts["reason"], good=good)),
    )


def commit_of(live: Object, revision: str) -> Commit:
    """A commit of an Application, as far as its status knows it."""
    source = (live.get("status") or {}).get("source") or {}
    repository = str(((live.get("spec") or {}).get("source") or {}).get("repoURL") or "")
    named = source if revision and source.get("revision") == revision else {}
    return Commit(
        revision=revision,
        short=revision[:SHORT],
        subject=plain(str(named.get("subject") or "")),
        author=plain(str(named.get("author") or "")),
        committed_at=str(named.get("committedAt") or ""),
        link=commit_link(repository, revision),
    )


def problem(raw: Object) -> views.Problem:
    """What is wrong with one object."""
    return views.Problem(
        object=str(raw.get("object") or ""), reason=str(raw.get("reason") or ""), message=plain(str(raw.get("message") or ""))
    )


def window(live: Object) -> str:
    """The closed window, in words; empty when changes are allowed."""
    try:
        closed = closed_window(live)
    except AgentError:
        return ""
    return str(closed) if closed is not None else ""


def command(words: str, live: Object) -> str:
    """A command about an Application, with its namespace where it needs one."""
    namespace = str(live["metadata"].get("namespace") or "")
    return f"gitops-agent {words}" + ("" if namespace == _DEFAULT_NAMESPACE else f" -n {namespace}")


def actions(live: Object, rights: Rights, *, shares: bool) -> tuple[views.Action, ...]:
    """What the viewer can do now, and why not."""
    every = tuple(_action(verb, live, rights) for verb in APPLICATION_VERBS)
    return (*every, _share(live, rights)) if shares else every


def _share(live: Object, rights: Rights) -> views.Action:
    """Whether the viewer may make a link of it."""
    allowed = rights.may(SHARE, "applications", str(live["metadata"]["name"]))
    return views.Action(
        verb=SHARE,
        allowed=allowed,
        why="" if allowed else f"you may not {SHARE} applications in {rights.namespace}",
        rule="" if allowed else rule_for(SHARE, "applications", rights.namespace),
    )


def _action(verb: str, live: Object, rights: Rights) -> views.Action:
    name, namespace = str(live["metadata"]["name"]), rights.namespace
    missing = rights.missing(verb, "applications", name)
    unfit = _unfit(verb, live)
    why = unfit or (f"you may not {missing} applications in {namespace}" if missing else "")
    return views.Action(
        verb=verb,
        allowed=not why,
        why=why,
        rule=rule_for(missing, "applications", namespace) if missing else "",
        command=command(_COMMANDS[verb].format(name=name, plan=waiting_hash(live, summary(live)["reason"])[:SHORT]), live),
    )


_COMMANDS = {
    "sync": "sync {name}",
    "pause": "pause {name} --reason …",
    "resume": "resume {name}",
    "approve": "approve {name} {plan}",
    "retry": "retry {name}",
    "rollback": "rollback {name}",
}


def _unfit(verb: str, live: Object) -> str:
    """Why an action makes no sense now."""
    suspended = isinstance((live.get("spec") or {}).get("suspend"), dict)
    if verb == "resume":
        return "" if suspended else "it is not paused"
    if verb == "pause":
        return "it is paused" if suspended else ""
    if verb == "approve":
        return "" if waiting_hash(live, summary(live)["reason"]) else "nothing waits for an approval"
    if verb == "retry":
        rejected = ((live.get("status") or {}).get("rollback") or {}).get("held")
        return "" if rejected else "no commit is rejected"
    return "it is paused" if suspended else ""


def _next(live: Object, state: State, reason: str, *, good: str) -> Iterator[str]:
    name = str(live["metadata"]["name"])
    if state is State.HEALTHY:
        return
    if state is State.HELD:
        yield command(f"diff {name}", live)
        plan = waiting_hash(live, reason)[:SHORT]
        if plan:
            yield command(f"approve {name} {plan}", live)
        return
    if state is State.PAUSED:
        yield command(f"resume {name}", live)
        return
    if state in (State.DEGRADED, State.MISSING):
        yield command(f"tree {name}", live)
        if reason == "Degraded":
            yield command(f"logs {name} --previous", live)
    yield command(f"events {name}", live)
    if state is State.DEGRADED and good:
        yield command(f"rollback {name}", live)


def _condition(raw: Object) -> views.ConditionView:
    return views.ConditionView(
        type=str(raw.get("type") or ""),
        status=str(raw.get("status") or ""),
        reason=str(raw.get("reason") or ""),
        message=plain(str(raw.get("message") or "")),
        last_transition_time=str(raw.get("lastTransitionTime") or ""),
    )


def _source(live: Object) -> views.SourceView:
    declared, status = (live.get("spec") or {}).get("source") or {}, live.get("status") or {}
    source, sync = status.get("source") or {}, status.get("sync") or {}
    verified, unverified = source.get("verified") or {}, source.get("unverified") or {}
    lines = (
        f"{str(each.get('commit'))[:SHORT]} ({each.get('author', '')}) {each.get('reason', '')}"
        for each in unverified.get("commits") or ()
    )
    return views.SourceView(
        repo_url=shown_address(str(declared.get("repoURL") or "")),
        ref=", ".join(f"{kind} {value}" for kind, value in (declared.get("ref") or {}).items()),
        path=str(declared.get("path") or ""),
        seen=commit_of(live, str(source.get("revision") or "")),
        applied=commit_of(live, str(sync.get("revision") or "")),
        unavailable_since=str(source.get("unavailableSince") or ""),
        message=plain(str(source.get("message") or "")),
        verified=plain(str(verified.get("signer") or "")),
        unverified=tuple(plain(line) for line in lines),
    )


def _rollout(raw: Object) -> views.RolloutLine:
    try:
        namespace = ObjectKey.parse(str(raw.get("workload"))).namespace
    except ValueError:
        namespace = ""
    return views.RolloutLine(
        namespace=namespace,
        name=str(raw.get("policy") or ""),
        workload=str(raw.get("workload") or ""),
        phase=str(raw.get("phase") or ""),
        weight=int(raw.get("weight") or 0),
        approval=str(raw.get("approval") or ""),
    )


def _hook(raw: Object) -> views.HookRun:
    return views.HookRun(
        object=str(raw.get("object") or ""),
        moment=str(raw.get("moment") or ""),
        state=str(raw.get("state") or ""),
        started=str(raw.get("started") or ""),
        ended=str(raw.get("ended") or ""),
        message=plain(str(raw.get("message") or "")),
    )


def _dependants(call: Call) -> list[AppKey]:
    source, key = call.service.source, call.key
    others = ((other, source.application(other)) for other in source.applications() if other.namespace == key.namespace)
    return [other for other, live in others if live is not None and key in needs_of(other, live)]


def _neighbours(call: Call, keys: Iterable[AppKey]) -> Iterator[views.Neighbour]:
    for key in keys:
        live = call.service.source.application(key) if call.viewer.sees(key) else None
        if live is None:
            yield views.Neighbour(namespace=key.namespace, name=key.name, exists=False)
        else:
            texts = summary(live)
            yield views.Neighbour(namespace=key.namespace, name=key.name, state=state_of(live, texts), reason=texts["reason"])


def _receivers(call: Call, live: Object) -> Iterator[views.Receiver]:
    if not call.viewer.rights(call.key.namespace).may("list", "notifiers"):
        return
    labels = live["metadata"].get("labels") or {}
    for notifier in call.service.source.notifiers(call.access(call.key.namespace)):
        if notifier["metadata"].get("namespace") == call.key.namespace and matches(
            (notifier.get("spec") or {}).get("applications") or {}, labels
        ):
            yield receiver(notifier)


def receiver(notifier: Object) -> views.Receiver:
    """A Notifier in a line."""
    ready = condition_of(notifier, "Ready")
    return views.Receiver(
        namespace=str(notifier["metadata"].get("namespace") or ""),
        name=str(notifier["metadata"]["name"]),
        provider=str((notifier.get("spec") or {}).get("provider") or ""),
        ready=str(ready.get("status") or "Unknown"),
        message=plain(str(ready.get("message") or "")) if ready.get("status") == "False" else "",
    )


ANSWERS: dict[str, Answer] = {"application": application, "spec": spec}
