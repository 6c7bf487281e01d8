"""The table of health rules, and the entry point that applies them.

Order of the questions: does an annotation forbid judging; is the object being deleted; has its controller seen the current
spec; what do the administrator's expressions for its kind say, and nothing else where there are any; is it reconciling or
stalled; what does the rule of its kind say; and for kinds without a rule, what do its conditions say. The verdict is a pure
function of the object: no clock is read, so the same object always gets the same answer and nothing has to be polled. Time
belongs to the caller: a Progressing that outlives the application's timeout becomes Degraded there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.sync.health import delivery, extension, generic, network, operators, scaling, storage, workloads
from gitops_agent.sync.health.expressions import HealthExpressions
from gitops_agent.sync.health.reading import text
from gitops_agent.sync.health.status import Health

Judge = Callable[[Object], Health]


@dataclass(frozen=True, slots=True)
class Rule:
    """A health rule of a kind; `group` may start with `*.`.

    `kind` may be `*`.

    Attributes:
        group: the API group, empty for the core group.
        kind: the kind.
        judge: from an object that is not being deleted to its health.
    """

    group: str
    kind: str
    judge: Judge


_FAMILIES = (workloads, network, storage, scaling, extension, delivery, operators)

RULES: Mapping[GroupKind, Rule] = {
    key: Rule(key.group, key.kind, judge) for family in _FAMILIES for key, judge in sorted(family.TABLE.items())
}
"""Every rule there is, by the group and kind it is for."""


def rule_for(group_kind: GroupKind) -> Rule | None:
    """The rule of a kind, else its group's, else its group suffix's."""
    group, kind = group_kind
    suffix = f"*.{group.partition('.')[2]}"
    for candidate in (group_kind, GroupKind(group, "*"), GroupKind(suffix, kind), GroupKind(suffix, "*")):
        if (rule := RULES.get(candidate)) is not None:
            return rule
    return None


def assess(obj: Object, expressions: HealthExpressions | None = None) -> Health:
    """How well a live object is.

    Args:
        obj: as the API server gave it; anything may be wrong in it.
        expressions: rules of custom kinds that the administrator configured; each replaces the built-in one.

    Returns:
        the verdict; never raises.
    """
    key = GroupKind(text(obj.get("apiVersion")).rpartition("/")[0], text(obj.get("kind")))
    custom = expressions.get(key) if expressions else None
    for ask in (generic.ignored, delivery.held, generic.terminating, generic.unobserved):
        if (health := ask(obj)) is not None:
            return health
    if custom is not None:
        return custom.judge(obj)
    if (health := generic.reconciling(obj)) is not None:
        return health
    rule = rule_for(key)
    return generic.by_conditions(obj) if rule is None else rule.judge(obj)
