from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.sync.health import assess
from tests.sync.health.live import condition, conditions, live, verdict

ADDRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"type": "ClusterIP"}, {}, ("Healthy", "")),
        ({"type": "ExternalName"}, {}, ("Healthy", "")),
        ({"type": "LoadBalancer"}, {"loadBalancer": {}}, ("Progressing", "NoAddress")),
        ({"type": "LoadBalancer"}, ADDRESS, ("Healthy", "")),
    ],
)
def test_a_service(spec: Object, status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("v1", "Service", spec=spec, status=status)) == expected


def ingress(name: str | None = None, status: Any = None, **metadata: Any) -> Object:
    spec = {"ingressClassName": name} if name else {}
    return live("networking.k8s.io/v1", "Ingress", spec=spec, status=status or {}, **metadata)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (ingress("nginx", ADDRESS), ("Healthy", "")),
        (ingress("nginx"), ("Healthy", "NoAddress")),
        (ingress(), ("Healthy", "NoAddress")),
        (ingress("alb"), ("Progressing", "NoAddress")),
        (ingress(annotations={"kubernetes.io/ingress.class": "gce"}), ("Progressing", "NoAddress")),
        (ingress("shared", finalizers=["ingress.k8s.aws/resources"]), ("Progressing", "NoAddress")),
    ],
)
def test_an_ingress_without_address_waits_only_where_one_will_come(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


ACCEPTED, PROGRAMMED = condition("Accepted", "True"), condition("Programmed", "True")


def gateway(*entries: Object, listener: Object | None = None) -> Object:
    listeners = [{"name": "web", "conditions": [listener]}] if listener else []
    return live("gateway.networking.k8s.io/v1", "Gateway", status=conditions(*entries, listeners=listeners), generation=2)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (gateway(ACCEPTED, PROGRAMMED), ("Healthy", "")),
        (gateway(condition("Accepted", "Unknown", "Pending")), ("Progressing", "Pending")),
        (gateway(ACCEPTED, condition("Programmed", "False", "AddressNotAssigned")), ("Progressing", "AddressNotAssigned")),
        (gateway(ACCEPTED, condition("Programmed", "False", "Invalid")), ("Degraded", "Invalid")),
        (gateway(condition("Accepted", "False", "UnsupportedAddress"), PROGRAMMED), ("Degraded", "UnsupportedAddress")),
        (gateway(condition("Accepted", "False", "Old", observedGeneration=1), PROGRAMMED), ("Progressing", "NotAccepted")),
        (
            gateway(ACCEPTED, PROGRAMMED, listener=condition("ResolvedRefs", "False", "InvalidCertificateRef")),
            ("Degraded", "InvalidCertificateRef"),
        ),
        (
            gateway(ACCEPTED, PROGRAMMED, listener=condition("Conflicted", "True", "HostnameConflict")),
            ("Degraded", "HostnameConflict"),
        ),
        (gateway(ACCEPTED, PROGRAMMED, listener=condition("Conflicted", "False", "NoConflicts")), ("Healthy", "")),
    ],
)
def test_a_gateway(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


def test_a_listener_is_named() -> None:
    message = assess(gateway(ACCEPTED, PROGRAMMED, listener=condition("ResolvedRefs", "False", "X", "no such secret"))).message

    assert message == "listener web: no such secret"


def test_a_gateway_class() -> None:
    def judged(*entries: Object) -> tuple[str, str]:
        return verdict(live("gateway.networking.k8s.io/v1", "GatewayClass", status=conditions(*entries)))

    assert judged(ACCEPTED) == ("Healthy", "")
    assert judged(condition("Accepted", "Unknown", "Pending")) == ("Progressing", "Pending")
    assert judged(condition("Accepted", "False", "InvalidParameters")) == ("Degraded", "InvalidParameters")


def route(*parents: list[Object], kind: str = "HTTPRoute") -> Object:
    status = {"parents": [{"conditions": entries} for entries in parents]}
    return live("gateway.networking.k8s.io/v1", kind, spec={"parentRefs": [{"name": "g"}]}, status=status, generation=2)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (route(), ("Progressing", "NotAccepted")),
        (route([ACCEPTED, condition("ResolvedRefs", "True")]), ("Healthy", "")),
        (route([ACCEPTED, condition("ResolvedRefs", "False", "BackendNotFound")]), ("Degraded", "BackendNotFound")),
        (route([ACCEPTED], [condition("Accepted", "False", "NoMatchingParent")]), ("Degraded", "NoMatchingParent")),
        (route([condition("Accepted", "False", "Pending")]), ("Progressing", "Pending")),
        (route([condition("Accepted", "False", "X", observedGeneration=1)]), ("Progressing", "NotAccepted")),
        (route([ACCEPTED], kind="GRPCRoute"), ("Healthy", "")),
    ],
)
def test_a_route(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected
