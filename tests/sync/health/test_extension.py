from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from tests.sync.health.live import condition, conditions, live, verdict

INJECT = {"cert-manager.io/inject-ca-from": "n/cert"}
ESTABLISHED = condition("Established", "True")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Progressing", "NotEstablished")),
        (conditions(condition("NamesAccepted", "True"), ESTABLISHED), ("Healthy", "")),
        (conditions(condition("NamesAccepted", "False", "PluralConflict")), ("Degraded", "PluralConflict")),
        (conditions(condition("NonStructuralSchema", "True"), ESTABLISHED), ("Degraded", "NonStructuralSchema")),
        (conditions(condition("Terminating", "True"), ESTABLISHED), ("Progressing", "Terminating")),
    ],
)
def test_a_definition(status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("apiextensions.k8s.io/v1", "CustomResourceDefinition", status=status)) == expected


def test_a_conversion_webhook_waits_for_its_ca_bundle() -> None:
    def judged(client: Object) -> tuple[str, str]:
        spec = {"conversion": {"webhook": {"clientConfig": client}}}
        kind = "CustomResourceDefinition"
        return verdict(live("apiextensions.k8s.io/v1", kind, spec=spec, status=conditions(ESTABLISHED), annotations=INJECT))

    assert judged({"service": {"name": "s"}}) == ("Progressing", "NoCABundle")
    assert judged({"service": {"name": "s"}, "caBundle": "Zm9v"}) == ("Healthy", "")


def test_an_aggregated_api_is_healthy_when_it_answers() -> None:
    def judged(*entries: Object) -> tuple[str, str]:
        return verdict(live("apiregistration.k8s.io/v1", "APIService", status=conditions(*entries)))

    assert judged(condition("Available", "True")) == ("Healthy", "")
    assert judged(condition("Available", "False", "MissingEndpoints")) == ("Progressing", "MissingEndpoints")
    assert judged() == ("Progressing", "NotAvailable")


def test_a_namespace() -> None:
    assert verdict(live("v1", "Namespace", status={"phase": "Active"})) == ("Healthy", "")
    assert verdict(live("v1", "Namespace", status={"phase": "Terminating"})) == ("Progressing", "Terminating")


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
def test_a_webhook_waits_for_a_bundle_that_is_to_be_injected(kind: str) -> None:
    def judged(bundle: str, annotations: Object) -> tuple[str, str]:
        obj = live("admissionregistration.k8s.io/v1", kind, annotations=annotations)
        return verdict(obj | {"webhooks": [{"clientConfig": {"caBundle": bundle}}]})

    assert judged("", INJECT) == ("Progressing", "NoCABundle")
    assert judged("Zm9v", INJECT) == ("Healthy", "")
    assert judged("", {}) == ("Healthy", "")


def test_a_flow_schema_without_its_priority_level_is_degraded() -> None:
    dangling = conditions(condition("Dangling", "True", "NotFound"))

    assert verdict(live("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", status=dangling)) == ("Degraded", "Dangling")
