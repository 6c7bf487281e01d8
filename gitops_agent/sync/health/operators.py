"""Rules for kinds of widespread operators.

cert-manager, External Secrets, Sealed Secrets, Prometheus operator, Knative, Crossplane.
"""

from __future__ import annotations

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.reading import mapping
from gitops_agent.sync.health.reading import Conditions, text
from gitops_agent.sync.health.status import Health, worst
from gitops_agent.sync.health.verdicts import by_condition, degraded, healthy, progressing, suspended

_ACME_FAILED = frozenset({"invalid", "expired", "errored"})


def certificate(obj: Object) -> Health:
    """A failed issuance is Degraded, a running one Progressing, then Ready."""
    conditions = Conditions.of(obj)
    issuing, ready = conditions["Issuing"], conditions["Ready"]
    if issuing.value == "True":
        return progressing(issuing.reason or "Issuing", issuing.said("being issued"))
    if issuing.value == "False" and ready.value != "True":
        return degraded(issuing.reason or "Failed", issuing.said("the issuance failed"))
    return by_condition(ready, name="Ready", waiting=("DoesNotExist", "Pending", "Issuing", "InProgress"))


def issuer(obj: Object) -> Health:
    """Ready, where False is Degraded."""
    return by_condition(Conditions.of(obj)["Ready"], name="Ready", waiting=("Pending", "InProgress"))


def certificate_request(obj: Object) -> Health:
    """Denied and InvalidRequest are Degraded, then Ready."""
    conditions = Conditions.of(obj)
    for kind in ("Denied", "InvalidRequest"):
        if conditions.true(kind):
            return degraded(conditions[kind].reason or kind, conditions[kind].said(kind))
    return by_condition(conditions["Ready"], name="Ready", waiting=("Pending",))


def acme(obj: Object) -> Health:
    """The state of an ACME order or challenge."""
    status = mapping(obj, "status")
    state, reason = text(status.get("state")), text(status.get("reason"))
    if state == "valid":
        return healthy()
    return (degraded if state in _ACME_FAILED else progressing)(
        state or "pending", reason or f"its state is {state or 'pending'}"
    )


def ready(obj: Object) -> Health:
    """Ready, where False means failed and absent or Unknown means not yet."""
    return by_condition(Conditions.of(obj)["Ready"], name="Ready")


def sealed_secret(obj: Object) -> Health:
    """Synced, where False means that it could not be unsealed."""
    return by_condition(Conditions.of(obj)["Synced"], name="Synced")


def prometheus(obj: Object) -> Health:
    """Paused is Suspended; Reconciled False is Degraded; not Available is Progressing.

    Not Available is no failure, for pods can still come.
    """
    if mapping(obj, "spec").get("paused") is True:
        return suspended("Paused", "spec.paused is set")
    conditions = Conditions.of(obj)
    if conditions.false("Reconciled"):
        return degraded(conditions["Reconciled"].reason or "NotReconciled", conditions["Reconciled"].said("not reconciled"))
    available = conditions["Available"]
    if available.value == "True":
        return healthy()
    return progressing(available.reason or "NotAvailable", available.said("the operator has not reported it available yet"))


def crossplane_package(obj: Object) -> Health:
    """Installed and Healthy, where False of Installed means failed."""
    conditions = Conditions.of(obj)
    sound = conditions["Healthy"]
    late = healthy() if sound.value == "True" else progressing(sound.reason or "NotHealthy", sound.said("not healthy yet"))
    installed = by_condition(conditions["Installed"], name="Installed", waiting=("UnpackingPackage", "InactivePackageRevision"))
    return worst([installed, late])


def database_cluster(obj: Object) -> Health:
    """Ready of a CloudNativePG cluster; its own words for the phase."""
    status, conditions = mapping(obj, "status"), Conditions.of(obj)
    if conditions.true("Ready"):
        return healthy()
    message = text(status.get("phaseReason")) or text(status.get("phase"))
    return progressing(conditions["Ready"].reason or "NotReady", message or conditions["Ready"].said("not ready"))


def certificate_signing(obj: Object) -> Health:
    """Denied and Failed are Degraded; Progressing until the certificate is there."""
    conditions = Conditions.of(obj)
    for kind in ("Denied", "Failed"):
        if conditions.true(kind):
            return degraded(conditions[kind].reason or kind, conditions[kind].said(kind))
    return healthy() if mapping(obj, "status").get("certificate") else progressing("Pending", "not signed yet")


_CERT, _ACME, _ESO, _PROM = "cert-manager.io", "acme.cert-manager.io", "external-secrets.io", "monitoring.coreos.com"
_READY = (
    *((_ESO, kind) for kind in ("ExternalSecret", "SecretStore", "ClusterSecretStore", "ClusterExternalSecret", "PushSecret")),
    *(("serving.knative.dev", kind) for kind in ("Service", "Configuration", "Route", "Revision", "DomainMapping")),
    *(("eventing.knative.dev", kind) for kind in ("Broker", "Trigger")),
    *(("messaging.knative.dev", kind) for kind in ("Channel", "InMemoryChannel", "Subscription")),
    ("sources.knative.dev", "*"),
)

TABLE = {
    GroupKind(_CERT, "Certificate"): certificate,
    GroupKind(_CERT, "Issuer"): issuer,
    GroupKind(_CERT, "ClusterIssuer"): issuer,
    GroupKind(_CERT, "CertificateRequest"): certificate_request,
    GroupKind(_ACME, "Order"): acme,
    GroupKind(_ACME, "Challenge"): acme,
    GroupKind("bitnami.com", "SealedSecret"): sealed_secret,
    GroupKind("pkg.crossplane.io", "*"): crossplane_package,
    GroupKind("postgresql.cnpg.io", "Cluster"): database_cluster,
    GroupKind("certificates.k8s.io", "CertificateSigningRequest"): certificate_signing,
} | {GroupKind(_PROM, kind): prometheus for kind in ("Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler")}
TABLE |= {GroupKind(group, kind): ready for group, kind in _READY}
