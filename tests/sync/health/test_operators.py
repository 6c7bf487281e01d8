from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from tests.sync.health.live import condition, conditions, live, verdict

READY = condition("Ready", "True")


def judged(api_version: str, kind: str, *entries: Object, spec: Any = None, **status: Any) -> tuple[str, str]:
    return verdict(live(api_version, kind, spec=spec or {}, status=conditions(*entries, **status)))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], ("Progressing", "NotReady")),
        ([READY], ("Healthy", "")),
        (
            [condition("Ready", "False", "DoesNotExist"), condition("Issuing", "True", "DoesNotExist")],
            ("Progressing", "DoesNotExist"),
        ),
        ([condition("Ready", "False", "DoesNotExist")], ("Progressing", "DoesNotExist")),
        (
            [condition("Ready", "False", "DoesNotExist"), condition("Issuing", "False", "Failed", "denied")],
            ("Degraded", "Failed"),
        ),
        ([READY, condition("Issuing", "False", "Failed")], ("Healthy", "")),
        ([condition("Ready", "False", "Expired")], ("Degraded", "Expired")),
    ],
)
def test_a_certificate(entries: list[Object], expected: tuple[str, str]) -> None:
    assert judged("cert-manager.io/v1", "Certificate", *entries) == expected


def test_an_issuer_that_cannot_register_is_degraded() -> None:
    refused = condition("Ready", "False", "ErrRegisterACMEAccount")

    assert judged("cert-manager.io/v1", "ClusterIssuer", refused) == ("Degraded", "ErrRegisterACMEAccount")


def test_a_denied_request_is_degraded() -> None:
    assert judged("cert-manager.io/v1", "CertificateRequest", condition("Denied", "True", "Policy")) == ("Degraded", "Policy")
    assert judged("cert-manager.io/v1", "CertificateRequest", condition("Ready", "False", "Pending")) == (
        "Progressing",
        "Pending",
    )


@pytest.mark.parametrize(("state", "status"), [("valid", "Healthy"), ("pending", "Progressing"), ("errored", "Degraded")])
def test_an_acme_order(state: str, status: str) -> None:
    assert judged("acme.cert-manager.io/v1", "Order", state=state)[0] == status


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("external-secrets.io/v1", "ExternalSecret"),
        ("serving.knative.dev/v1", "Service"),
        ("sources.knative.dev/v1", "PingSource"),
    ],
)
def test_operators_whose_ready_means_failed_when_it_is_false(api_version: str, kind: str) -> None:
    assert judged(api_version, kind, READY) == ("Healthy", "")
    assert judged(api_version, kind, condition("Ready", "False", "SecretSyncedError")) == ("Degraded", "SecretSyncedError")
    assert judged(api_version, kind, condition("Ready", "Unknown", "Deploying")) == ("Progressing", "Deploying")
    assert judged(api_version, kind) == ("Progressing", "NotReady")


def test_a_sealed_secret() -> None:
    assert judged("bitnami.com/v1alpha1", "SealedSecret", condition("Synced", "True")) == ("Healthy", "")
    assert judged("bitnami.com/v1alpha1", "SealedSecret", condition("Synced", "False", "", "no key"))[0] == "Degraded"


@pytest.mark.parametrize("kind", ["Prometheus", "Alertmanager", "ThanosRuler", "PrometheusAgent"])
def test_prometheus(kind: str) -> None:
    reconciled = condition("Reconciled", "True")
    version = "monitoring.coreos.com/v1"

    assert judged(version, kind, reconciled, condition("Available", "True")) == ("Healthy", "")
    assert judged(version, kind, reconciled, condition("Available", "Degraded", "SomePodsNotReady"))[0] == "Progressing"
    assert judged(version, kind, condition("Reconciled", "False", "ReconciliationFailed"))[0] == "Degraded"
    assert judged(version, kind) == ("Progressing", "NotAvailable")
    assert judged(version, kind, spec={"paused": True}) == ("Suspended", "Paused")


def test_a_rule_for_alerts_needs_no_status() -> None:
    assert judged("monitoring.coreos.com/v1", "PrometheusRule") == ("Healthy", "")


def test_a_crossplane_package() -> None:
    installed, sound = condition("Installed", "True"), condition("Healthy", "True")

    assert judged("pkg.crossplane.io/v1", "Provider", installed, sound) == ("Healthy", "")
    assert judged("pkg.crossplane.io/v1", "Provider", installed, condition("Healthy", "False", "Unhealthy"))[0] == "Progressing"
    assert judged("pkg.crossplane.io/v1", "Provider", condition("Installed", "False", "BadImage"))[0] == "Degraded"


def test_a_database_cluster_says_its_phase() -> None:
    assert judged("postgresql.cnpg.io/v1", "Cluster", READY) == ("Healthy", "")
    assert judged("postgresql.cnpg.io/v1", "Cluster", phase="Setting up primary")[0] == "Progressing"


def test_a_signing_request_waits_for_its_certificate() -> None:
    version, kind = "certificates.k8s.io/v1", "CertificateSigningRequest"

    assert judged(version, kind) == ("Progressing", "Pending")
    assert judged(version, kind, certificate="Zm9v") == ("Healthy", "")
    assert judged(version, kind, condition("Denied", "True", "Policy")) == ("Degraded", "Policy")
