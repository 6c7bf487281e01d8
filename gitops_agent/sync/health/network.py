"""Service, Ingress and the Gateway API.

An Ingress controller that is reached through a NodePort or host ports never writes an address, and the object does not say
which controller serves it. Waiting for the address is why Argo CD applications with such controllers never became healthy. So a
missing address is a note, unless the object itself shows that a cloud load balancer is being made for it: a finalizer of its
controller, or a class of a cloud provider that always sets one.
"""

from __future__ import annotations

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.sync.health.reading import Conditions, generation, notes, text
from gitops_agent.sync.health.status import Health, worst
from gitops_agent.sync.health.verdicts import by_condition, degraded, healthy, progressing

_ADDRESSED_CLASSES = frozenset({"alb", "gce", "gce-internal", "azure-application-gateway", "azure/application-gateway"})
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_NOT_YET = frozenset({"Pending", "AddressNotAssigned", "NoResources", "Waiting", "NotReconciled"})


def service(obj: Object) -> Health:
    """A LoadBalancer without an address is Progressing; every other type is Healthy."""
    if mapping(obj, "spec").get("type") != "LoadBalancer" or items(mapping(obj, "status", "loadBalancer").get("ingress")):
        return healthy()
    return progressing("NoAddress", "the load balancer has no address yet")


def ingress(obj: Object) -> Health:
    """An address is Healthy; none is a note or Progressing.

    It is Progressing only where the object shows that a cloud load balancer is being made.
    """
    if items(mapping(obj, "status", "loadBalancer").get("ingress")):
        return healthy()
    name = text(mapping(obj, "spec").get("ingressClassName")) or text(notes(obj).get(_CLASS_ANNOTATION))
    if name in _ADDRESSED_CLASSES or mapping(obj, "metadata").get("finalizers"):
        return progressing("NoAddress", "the load balancer has no address yet")
    return healthy("NoAddress", f"no address; controllers of class {name or '(default)'} may never set one")


def gateway(obj: Object) -> Health:
    """Accepted and Programmed, then what each listener says."""
    conditions = Conditions.of(obj)
    verdicts = [by_condition(conditions[name], name=name, waiting=_NOT_YET) for name in ("Accepted", "Programmed")]
    for listener in items(mapping(obj, "status").get("listeners")):
        reported = Conditions(listener.get("conditions"), generation=generation(obj))
        name = text(listener.get("name"))
        for kind, bad in (("Conflicted", "True"), ("ResolvedRefs", "False"), ("Accepted", "False")):
            if reported[kind].value == bad and reported[kind].reason not in _NOT_YET:
                verdicts.append(degraded(reported[kind].reason or kind, text(f"listener {name}: {reported[kind].said(kind)}")))
    return worst(verdicts)


def gateway_class(obj: Object) -> Health:
    """Accepted."""
    return by_condition(Conditions.of(obj)["Accepted"], name="Accepted", waiting=_NOT_YET)


def route(obj: Object) -> Health:
    """The worst parent, by Accepted and ResolvedRefs of the current generation."""
    parents = items(mapping(obj, "status").get("parents"))
    if not parents and items(mapping(obj, "spec").get("parentRefs")):
        return progressing("NotAccepted", "no gateway has taken the route yet")
    return worst(
        by_condition(conditions[name], name=name, waiting=_NOT_YET)
        for conditions in (Conditions(parent.get("conditions"), generation=generation(obj)) for parent in parents)
        for name in ("Accepted", "ResolvedRefs")
        if name == "Accepted" or name in conditions
    )


_GATEWAY = "gateway.networking.k8s.io"
_ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")

TABLE = {
    SERVICE: service,
    GroupKind("networking.k8s.io", "Ingress"): ingress,
    GroupKind("extensions", "Ingress"): ingress,
    GroupKind(_GATEWAY, "Gateway"): gateway,
    GroupKind(_GATEWAY, "GatewayClass"): gateway_class,
} | {GroupKind(_GATEWAY, kind): route for kind in _ROUTES}
