from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.sync.health import RULES, Health, assess, rule_for
from tests.sync.health.test_reading import JSON

NAMES = st.sampled_from(
    [
        *("conditions", "phase", "replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "observedGeneration"),
        *("containerStatuses", "initContainerStatuses", "loadBalancer", "ingress", "listeners", "parents", "state", "health"),
        *("sync", "error", "message", "reason", "active", "lastScheduleTime", "updateRevision", "currentRevision", "status"),
    ]
)
CONDITION = st.fixed_dictionaries(
    {"type": st.sampled_from(["Ready", "Available", "Progressing", "Failed", "Stalled", "Accepted"]) | JSON},
    optional={"status": st.sampled_from(["True", "False", "Unknown"]) | JSON, "reason": JSON, "message": JSON},
)
STATUS = (
    st.dictionaries(NAMES, JSON, max_size=6) | st.fixed_dictionaries({"conditions": st.lists(CONDITION, max_size=4)}) | JSON
)
KINDS = st.sampled_from([(group.removeprefix("*."), kind.replace("*", "Any")) for group, kind in RULES])


@given(group_kind=KINDS, spec=STATUS, status=STATUS, metadata=st.dictionaries(NAMES, JSON, max_size=3) | JSON)
def test_whatever_a_controller_writes_there_is_some_health(
    group_kind: tuple[str, str], spec: Any, status: Any, metadata: Any
) -> None:
    group, kind = group_kind
    obj: Object = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": metadata}
    obj |= {"spec": spec, "status": status}
    before = deepcopy(obj)

    health = assess(obj)

    assert isinstance(health, Health)
    assert len(health.message) <= 400
    assert "\n" not in health.message
    assert obj == before


@given(obj=st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata", "spec", "status", "webhooks"]), JSON))
def test_an_object_that_is_none_has_a_health_too(obj: Object) -> None:
    assert isinstance(assess(obj), Health)


def test_every_rule_says_what_it_looks_at() -> None:
    for rule in RULES.values():
        assert (rule.judge.__doc__ or "").partition("\n")[0].endswith("."), rule


@pytest.mark.parametrize(
    ("group", "kind", "exists"),
    [
        ("kustomize.toolkit.fluxcd.io", "Kustomization", True),
        ("notification.toolkit.fluxcd.io", "Alert", True),
        ("pkg.crossplane.io", "Provider", True),
        ("example.org", "Deployment", False),
        ("", "ConfigMap", False),
    ],
)
def test_a_rule_may_be_for_a_group_or_a_family_of_groups(group: str, kind: str, *, exists: bool) -> None:
    assert (rule_for(GroupKind(group, kind)) is not None) is exists


def test_the_exact_rule_wins() -> None:
    exact = rule_for(GroupKind("notification.toolkit.fluxcd.io", "Alert"))

    assert exact is not None
    assert exact.kind == "Alert"
