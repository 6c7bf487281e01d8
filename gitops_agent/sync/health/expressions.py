"""Health of custom kinds by expressions of the administrator.

Problem: a controller may say in a field of its own what no rule of the agent reads. Decision: an expression per verdict, in the
shape and order of Flux's `healthCheckExprs`, replaces the rule of a custom kind and nothing else: deletion, an unobserved
generation and the annotation that forbids judging come first as for every kind. Kinds of Kubernetes and of the agent keep their
rules, because the order of an apply rests on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.sync.health.cel import CelError, Predicate, compiled, variables_of
from gitops_agent.sync.health.reading import Conditions, text
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.health.verdicts import healthy, progressing

if TYPE_CHECKING:
    from gitops_agent.config.settings import HealthExpression

SETTING = "health.expressions"
FAILED = "HealthExpressionFailed"
"""The reason of an object whose expression could not be evaluated."""

_VERDICTS = (("inProgress", Status.PROGRESSING), ("failed", Status.DEGRADED), ("current", Status.HEALTHY))
_REASONS = {Status.PROGRESSING: "InProgress", Status.DEGRADED: "Failed"}
_BUILT_IN = frozenset(
    f"{name}.k8s.io"
    for name in (
        *("admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization", "certificates"),
        *("coordination", "discovery", "events", "flowcontrol.apiserver", "internal.apiserver", "networking", "node"),
        *("rbac.authorization", "resource", "scheduling", "storage", "storagemigration"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionRule:
    """The health rule of a custom kind.

    Attributes:
        predicates: by the name of the verdict; `current` is always there.
    """

    predicates: Mapping[str, Predicate]

    def judge(self, obj: Object) -> Health:
        """By the first expression that holds; Progressing where none does."""
        name = "current"
        try:
            variables = variables_of(obj)
            for name, status in _VERDICTS:
                if (predicate := self.predicates.get(name)) is not None and predicate.holds(variables):
                    return healthy() if status is Status.HEALTHY else _verdict(obj, name, status)
        except CelError as error:
            return Health(Status.UNKNOWN, FAILED, text(f"the health expression {name} cannot be evaluated: {error}"))
        ready = Conditions.of(obj)["Ready"]
        return progressing(ready.reason or "NotCurrent", ready.said("its health expression current is false"))


HealthExpressions = Mapping[GroupKind, ExpressionRule]


def compile_expressions(settings: Iterable[HealthExpression]) -> HealthExpressions:
    """The rules that the settings configure.

    Raises:
        UsageError: naming index, field and position of every expression that is wrong.
    """
    rules: dict[GroupKind, ExpressionRule] = {}
    problems: list[str] = []
    for index, setting in enumerate(settings):
        path = f"{SETTING}.{index}"
        key = GroupKind(setting.api_version.rpartition("/")[0], setting.kind)
        if "." not in key.group or key.group in _BUILT_IN or key.group == APPLICATION.group:
            problems.append(
                f"{path}.apiVersion: {setting.api_version} {setting.kind} is no custom kind; its built-in rule stays"
            )
        elif key in rules:
            problems.append(f"{path}.kind: {key.group} {key.kind} has expressions already")
        predicates = {}
        for name, source in (("inProgress", setting.in_progress), ("failed", setting.failed), ("current", setting.current)):
            try:
                if source is not None:
                    predicates[name] = compiled(source)
            except CelError as error:
                problems.append(f"{path}.{name}: {error}")
        rules[key] = ExpressionRule(predicates=predicates)
    if problems:
        raise UsageError(f"the settings are wrong: {'; '.join(problems)}", problems=problems)
    return rules


def _verdict(obj: Object, name: str, status: Status) -> Health:
    ready = Conditions.of(obj)["Ready"]
    return Health(status, ready.reason or _REASONS[status], ready.said(f"its health expression {name} is true"))
