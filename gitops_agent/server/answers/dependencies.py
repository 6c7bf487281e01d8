"""The graph of `dependsOn` around an Application, both ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from gitops_agent.api.application_row import state_of, summary
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.server.answers.call import Call
from gitops_agent.server.views.application import Dependency

_MOST = 80
"""Applications of a graph; it is cut at the level that exceeds it."""


def needs_of(key: AppKey, live: Object) -> list[AppKey]:
    """What an Application waits for, in its namespace."""
    return [AppKey(key.namespace, str(each.get("name"))) for each in (live.get("spec") or {}).get("dependsOn") or ()]


def graph(call: Call) -> tuple[Dependency, ...]:
    """Everything before and behind the Application that the viewer sees."""
    source, start = call.service.source, call.key
    lives = {
        key: live for key in source.applications() if key.namespace == start.namespace and (live := source.application(key))
    }
    needs = {key: needs_of(key, live) for key, live in lives.items() if call.viewer.sees(key)}
    needed_by: dict[AppKey, list[AppKey]] = defaultdict(list)
    for key, others in needs.items():
        for other in others:
            needed_by[other].append(key)
    levels = levels_of(start, needs, needed_by)
    if len(levels) == 1:
        return ()
    ordered = sorted(levels.items(), key=lambda item: (item[1], item[0]))
    return tuple(_node(key, level, lives.get(key) if key in needs else None, needs, levels) for key, level in ordered)


def levels_of(
    start: AppKey, needs: Mapping[AppKey, Sequence[AppKey]], needed_by: Mapping[AppKey, Sequence[AppKey]]
) -> dict[AppKey, int]:
    """How far everything is from the start; circles end."""
    levels = {start: 0}
    for step, neighbours in ((-1, needs), (1, needed_by)):
        front, level = [start], 0
        while front and len(levels) < _MOST:
            level += step
            front = sorted({other for key in front for other in neighbours.get(key, ())} - levels.keys())
            levels |= dict.fromkeys(front[: _MOST - len(levels)], level)
    return levels


def _node(
    key: AppKey, level: int, live: Object | None, needs: Mapping[AppKey, Sequence[AppKey]], levels: Mapping[AppKey, int]
) -> Dependency:
    inside = tuple(other.name for other in needs.get(key, ()) if other in levels)
    if live is None:
        return Dependency(namespace=key.namespace, name=key.name, level=level, exists=False)
    texts = summary(live)
    return Dependency(
        namespace=key.namespace,
        name=key.name,
        level=level,
        needs=inside,
        state=state_of(live, texts),
        reason=texts["reason"],
    )
