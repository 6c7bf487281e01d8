from __future__ import annotations

import pytest

from benchmarks.traffic.attachment import CONTROLLER, gateway_status, ours, parents, route_status, same
from benchmarks.traffic.backendref import Problem
from benchmarks.traffic.translation import Verdict
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.traffic.gateway_status import accepted

GATEWAY: Object = {
    "metadata": {"namespace": "gateway", "name": "edge", "generation": 3},
    "spec": {
        "gatewayClassName": "traffic",
        "listeners": [
            {"name": "web", "port": 8000, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}},
            {"name": "own", "port": 8000, "protocol": "HTTP"},
            {"name": "tls", "port": 8443, "protocol": "HTTPS"},
        ],
    },
}
GATEWAYS = ours([GATEWAY, {"metadata": {"namespace": "a", "name": "b"}, "spec": {"gatewayClassName": "other"}}], "traffic")


def _route(ref: Object) -> Object:
    return {"metadata": {"namespace": "shop", "name": "web", "generation": 7}, "spec": {"parentRefs": [ref]}}


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ({"name": "edge", "namespace": "gateway"}, None),
        ({"name": "edge", "namespace": "gateway", "sectionName": "web"}, None),
        ({"name": "edge", "namespace": "gateway", "sectionName": "own"}, "NotAllowedByListeners"),
        ({"name": "edge", "namespace": "gateway", "sectionName": "none"}, "NoMatchingParent"),
        ({"name": "edge", "namespace": "gateway", "port": 1}, "NoMatchingParent"),
    ],
)
def test_a_listener_decides_which_routes_it_takes(ref: Object, reason: str | None) -> None:
    [(_, refusal)] = parents(_route(ref), GATEWAYS)

    assert (refusal.reason if refusal else None) == reason


@pytest.mark.parametrize("ref", [{"name": "edge"}, {"name": "b", "namespace": "a"}, {"name": "edge", "kind": "Service"}])
def test_nothing_is_said_about_parents_of_others(ref: Object) -> None:
    assert parents(_route(ref), GATEWAYS) == []


def test_a_route_in_force_is_one_the_agent_takes_for_verified() -> None:
    route = _route({"name": "edge", "namespace": "gateway"})
    route["status"] = route_status(route, parents(route, GATEWAYS), Verdict(), [])

    assert accepted(route) is None
    assert {condition["observedGeneration"] for condition in route["status"]["parents"][0]["conditions"]} == {7}


def test_what_others_say_about_a_route_is_kept() -> None:
    route = _route({"name": "edge", "namespace": "gateway"})
    problem = Problem(reason="BackendNotFound", message="there is no Service shop/web")
    status = route_status(route, parents(route, GATEWAYS), Verdict(resolved=problem), [{"controllerName": "other"}])

    assert [parent["controllerName"] for parent in status["parents"]] == ["other", CONTROLLER]
    conditions = {parent["type"]: (parent["status"], parent["reason"]) for parent in status["parents"][1]["conditions"]}
    assert conditions == {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("False", "BackendNotFound")}


def test_a_listener_that_is_not_served_is_not_programmed() -> None:
    listeners = gateway_status(GATEWAY, "127.0.0.1", 8000)["listeners"]

    programmed = {listener["name"]: listener["conditions"][1]["status"] for listener in listeners}
    assert programmed == {"web": "True", "own": "True", "tls": "False"}


def test_the_time_of_a_status_makes_no_difference() -> None:
    later = {"conditions": [{"type": "Accepted", "lastTransitionTime": "later"}]}

    assert same(later, {"conditions": [{"type": "Accepted", "lastTransitionTime": "earlier"}]})
    assert not same(later, {"conditions": [{"type": "Programmed", "lastTransitionTime": "later"}]})
