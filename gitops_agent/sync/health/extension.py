"""What extends the API: definitions, aggregated APIs, namespaces and webhook configurations.

A webhook or conversion webhook whose CA bundle is to be injected later (cert-manager's annotation) fails every call until then,
so a missing bundle keeps it Progressing and what depends on it waits.
"""

from __future__ import annotations

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import API_SERVICE, CRD, FLOW_SCHEMA, MUTATING_WEBHOOKS, NAMESPACE, VALIDATING_WEBHOOKS
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.sync.health.reading import Conditions, notes
from gitops_agent.sync.health.status import Health
from gitops_agent.sync.health.verdicts import degraded, healthy, progressing

_INJECTED = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
    "service.beta.openshift.io/inject-cabundle",
)


def definition(obj: Object) -> Health:
    """A name clash or a non-structural schema is Degraded; Established is Healthy."""
    conditions = Conditions.of(obj)
    if conditions.true("Terminating"):
        return progressing("Terminating", conditions["Terminating"].said("being deleted"))
    if conditions.false("NamesAccepted"):
        return degraded(
            conditions["NamesAccepted"].reason or "NamesNotAccepted", conditions["NamesAccepted"].said("its names clash")
        )
    if conditions.true("NonStructuralSchema"):
        return degraded("NonStructuralSchema", conditions["NonStructuralSchema"].said("its schema is not structural"))
    if not conditions.true("Established"):
        return progressing("NotEstablished", conditions["Established"].said("not established yet"))
    conversion = mapping(obj, "spec", "conversion", "webhook", "clientConfig")
    return _injected(obj, [conversion] if conversion else [])


def aggregated(obj: Object) -> Health:
    """Available."""
    available = Conditions.of(obj)["Available"]
    if available.value == "True":
        return healthy()
    return progressing(available.reason or "NotAvailable", available.said("not available yet"))


def namespace(obj: Object) -> Health:
    """Active is Healthy, Terminating is Progressing."""
    if mapping(obj, "status").get("phase") == "Terminating":
        return progressing("Terminating", "being deleted")
    return healthy()


def webhooks(obj: Object) -> Health:
    """Progressing while a CA bundle that is to be injected is missing."""
    return _injected(obj, [mapping(webhook, "clientConfig") for webhook in items(obj.get("webhooks"))])


def flow_schema(obj: Object) -> Health:
    """Dangling is Degraded."""
    dangling = Conditions.of(obj)["Dangling"]
    return degraded("Dangling", dangling.said("its priority level does not exist")) if dangling.value == "True" else healthy()


def _injected(obj: Object, clients: list[Object]) -> Health:
    marks = notes(obj)
    if any(name in marks for name in _INJECTED) and not all(client.get("caBundle") for client in clients):
        return progressing("NoCABundle", "the CA bundle has not been injected yet")
    return healthy()


TABLE = {
    CRD: definition,
    API_SERVICE: aggregated,
    NAMESPACE: namespace,
    VALIDATING_WEBHOOKS: webhooks,
    MUTATING_WEBHOOKS: webhooks,
    FLOW_SCHEMA: flow_schema,
}
