from __future__ import annotations

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.rollout.traffic.istio import Istio
from gitops_agent.rollout.traffic.istio_destinations import Subsets
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from tests.rollout.traffic.cases import Case, asked, case
from tests.rollout.traffic.live import served

HEADER = {"on": "header", "name": "region", "value": "us"}


def test_a_header_that_is_matched_already_cannot_get_a_second_condition() -> None:
    with pytest.raises(RenderError, match="already matches the header region"):
        case("gateway-header").sent(match=asked({"match": HEADER})["match"])


def test_more_rules_than_the_api_takes_are_refused() -> None:
    found = case("gateway-header")
    rules = found.routes[0]["spec"]["rules"]
    found.routes[0]["spec"]["rules"] = [*rules, *[rules[2]] * 9]

    with pytest.raises(RenderError, match="has 23 rules"):
        found.sent()


def test_a_backend_of_another_namespace_or_kind_is_not_the_service() -> None:
    for other in ({"namespace": "elsewhere"}, {"kind": "ServiceImport", "group": "multicluster.x-k8s.io"}):
        found = case("grpc-header")
        found.routes[0]["spec"]["rules"][0]["backendRefs"][0].update(other)
        with pytest.raises(RenderError, match="no HTTPRoute or GRPCRoute"):
            found.sent()


def test_an_action_that_is_no_json_is_named() -> None:
    found = case("alb-weight")
    found.routes[0]["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.web"] = "{"

    with pytest.raises(RenderError, match=r"actions\.web that is not JSON"):
        found.sent()


def test_an_alb_ingress_without_the_action_is_refused() -> None:
    found = case("alb-weight")
    del found.routes[0]["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.web"]

    with pytest.raises(RenderError, match="Ingress with a forward action"):
        found.sent()


def test_wildcards_of_the_load_balancer_are_refused() -> None:
    with pytest.raises(RenderError, match="wildcards"):
        case("alb-header").sent(match=asked({"match": {**HEADER, "value": "da*"}})["match"])


def test_a_route_that_is_mirrored_already_is_refused() -> None:
    found = case("istio-mirror")
    found.routes[0]["spec"]["http"][0]["mirror"] = {"host": "audit"}

    with pytest.raises(RenderError, match="mirrored already"):
        found.sent()


def test_routes_without_http_know_no_match() -> None:
    found = case("istio-header")
    del found.routes[0]["spec"]["http"]

    with pytest.raises(RenderError, match="has no http route"):
        found.sent()


def test_a_weight_that_is_a_quantity_is_refused() -> None:
    found = case("smi-weight")
    found.routes[0]["spec"]["backends"][0]["weight"] = "500m"

    with pytest.raises(RenderError, match="v1alpha2"):
        found.sent()


def test_istio_by_subsets_divides_the_host_by_labels() -> None:
    found, istio = case("istio-weight"), Istio(subsets=Subsets())
    sent = istio.overlay(found.routes, **found.arguments)

    first = sent[0]["spec"]["http"][2]["route"]
    assert [(each["destination"]["host"], each["destination"]["subset"], each["weight"]) for each in first] == [
        ("web", "gitops-agent-primary", 75),
        ("web", "gitops-agent-canary", 25),
    ]
    assert sent[1]["spec"]["subsets"] == Subsets().listed()
    assert len(sent) == len(found.routes)
    assert istio.verify(served(sent), **found.arguments).verdict == "ready"
    assert istio.verify(served([sent[0], found.routes[1]]), **found.arguments).verdict == "not_yet"


def test_subsets_need_a_destination_rule_and_no_subsets_of_the_users_own() -> None:
    istio, found = Istio(subsets=Subsets()), case("istio-weight")
    with pytest.raises(RenderError, match="no DestinationRule"):
        istio.overlay(found.routes[:1], **found.arguments)
    found.routes[0]["spec"]["http"][0]["route"][0]["destination"]["subset"] = "v1"
    with pytest.raises(RenderError, match="by subsets already"):
        istio.overlay(found.routes, **found.arguments)


def test_a_refusal_of_istio_itself_is_an_error() -> None:
    found = case("istio-weight")
    live = served(found.expected)
    live[0]["status"] = {"validationMessages": [{"level": "ERROR", "type": {"name": "ReferencedResourceNotFound"}}]}

    assert CAPABILITIES["istio"].provider.verify(live, **found.arguments).verdict == "error"


def test_a_host_of_another_namespace_is_another_service() -> None:
    found = case("istio-weight")
    routes = ({**found.routes[0], "metadata": {"name": "web", "namespace": "other"}},)
    sent = Case(provider="istio", arguments=found.arguments, routes=routes, expected=()).sent()

    assert sent[0]["spec"]["http"][0] == found.routes[0]["spec"]["http"][0]
    assert len(sent[0]["spec"]["http"][2]["route"]) == 2


def test_the_default_backend_of_an_ingress_is_not_split() -> None:
    found = case("nginx-weight")
    found.routes[0]["spec"] = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}

    with pytest.raises(RenderError, match="no rule of an Ingress"):
        found.sent()
