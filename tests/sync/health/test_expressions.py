from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.config.settings import HealthExpression
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.sync.health import Health, Status, assess
from gitops_agent.sync.health.expressions import HealthExpressions, compile_expressions
from tests.sync.health.live import condition, conditions, live

PHASE = "status.phase == '{}'"


def setting(**fields: str) -> HealthExpression:
    return HealthExpression(**{"api_version": "example.com/v1", "kind": "Database", "current": PHASE.format("Up"), **fields})


RULES: HealthExpressions = compile_expressions(
    [setting(in_progress=PHASE.format("Making"), failed=PHASE.format("Broken") + " || status.phase == 'Making'")]
)


def database(status: Any, **metadata: Any) -> Object:
    return live("example.com/v1beta1", "Database", status=status, **metadata)


@pytest.mark.parametrize(
    ("phase", "status", "reason"),
    [
        ("Making", "Progressing", "InProgress"),
        ("Broken", "Degraded", "Failed"),
        ("Up", "Healthy", ""),
        ("Odd", "Progressing", "NotCurrent"),
    ],
)
def test_progress_is_asked_before_failure_and_success(phase: str, status: str, reason: str) -> None:
    health = assess(database({"phase": phase}), RULES)

    assert (health.status, health.reason) == (status, reason)


def test_the_ready_condition_gives_reason_and_message() -> None:
    ready = condition("Ready", "False", "DiskFull", "no space left")

    assert assess(database(conditions(ready, phase="Broken")), RULES) == Health(Status.DEGRADED, "DiskFull", "no space left")


def test_an_expression_that_fails_is_unknown_and_says_why() -> None:
    health = assess(database({}), RULES)

    assert (health.status, health.reason) == (Status.UNKNOWN, "HealthExpressionFailed")
    assert health.message == 'the health expression inProgress cannot be evaluated: key not found in map: "phase"'


def test_an_object_too_large_is_unknown() -> None:
    assert assess(database({"phase": "Up", "parts": [0] * 6_000}), RULES).status is Status.UNKNOWN


def test_expressions_win_over_conditions_and_built_in_rules_of_custom_kinds() -> None:
    stalled = conditions(condition("Stalled", "True"), phase="Up")
    rules = compile_expressions([setting(api_version="cert-manager.io/v1", kind="Certificate")])

    assert assess(database(stalled), RULES).status is Status.HEALTHY
    assert assess(live("cert-manager.io/v1", "Certificate", status={"phase": "Up"}), rules).status is Status.HEALTHY


def test_deletion_generation_and_annotation_come_first() -> None:
    deleted = database({"phase": "Up"}, deletionTimestamp="2026-11-01T00:00:00Z")
    ignored = database({"phase": "Broken"}, annotations={"gitops-agent.dev/ignore-health": "true"})
    unseen = database({"phase": "Up", "observedGeneration": 1}, generation=2)

    assert [assess(obj, RULES).reason for obj in (deleted, ignored, unseen)] == ["Terminating", "HealthIgnored", "NotObserved"]


def test_other_kinds_keep_their_rules() -> None:
    other = live("example.com/v1", "Cache", status=conditions(condition("Ready", "True")))

    assert assess(other, RULES) == assess(other)


@pytest.mark.parametrize("group", ["v1", "apps/v1", "networking.k8s.io/v1", "gitops-agent.dev/v1"])
def test_built_in_kinds_are_refused(group: str) -> None:
    with pytest.raises(UsageError, match=rf"health\.expressions\.0\.apiVersion: {group} Thing is no custom kind"):
        compile_expressions([setting(api_version=group, kind="Thing")])


def test_kinds_of_the_projects_of_kubernetes_are_custom() -> None:
    assert list(compile_expressions([setting(api_version="gateway.networking.k8s.io/v1", kind="Gateway")])) == [
        GroupKind("gateway.networking.k8s.io", "Gateway")
    ]


def test_all_that_is_wrong_is_named_with_index_field_and_position() -> None:
    with pytest.raises(UsageError) as caught:
        compile_expressions([setting(), setting(failed="status.phase =="), setting(kind="Cache", in_progress="1 + 1")])

    text = str(caught.value)
    assert "health.expressions.1.kind: example.com Database has expressions already" in text
    assert "health.expressions.1.failed: line 1, column 16: syntax error" in text
    assert "health.expressions.2.inProgress: yields int instead of bool" in text
