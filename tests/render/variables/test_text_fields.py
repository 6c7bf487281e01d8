from __future__ import annotations

import pytest

from gitops_agent.render.variables.text_fields import is_text


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "metadata.labels.version"),
        ("Deployment", "metadata.annotations.a/b"),
        ("Deployment", "spec.template.spec.containers.[0].env.[1].value"),
        ("Deployment", "spec.template.spec.containers.[0].args.[2]"),
        ("ConfigMap", "data.size"),
        ("Secret", "stringData.size"),
        ("Secret", "data.size"),
        ("Service", "spec.selector.shard"),
        ("Ingress", "spec.rules.[0].host"),
        ("Widget", "spec.version"),
    ],
)
def test_these_fields_hold_text(kind: str, path: str) -> None:
    assert is_text(kind, path.split("."))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "spec.replicas"),
        ("Deployment", "spec.template.spec.containers.[0].ports.[0].containerPort"),
        ("Deployment", "spec.template.spec.containers.[0].securityContext.runAsUser"),
        ("Service", "spec.ports.[0].port"),
        ("Widget", "data.size"),
        ("Widget", "spec.settings.value"),
    ],
)
def test_these_fields_may_hold_a_number(kind: str, path: str) -> None:
    assert not is_text(kind, path.split("."))
