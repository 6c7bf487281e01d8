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
    golden = case("gateway-header")
    rules = golden.routes[0]["spec"]["rules"]
    golden.routes[0]["spec"]["rules"] = [*rules, *[rules[2]] * 9]

    with pytest.raises(RenderError, match="has 23 rules"):
        golden.sent()


def test_a_backend_of_another_namespace_or_kind_is_not_the_service() -> None:
    for other in ({"namespace": "elsewhere"}, {"kind": "ServiceImport", "group": "multicluster.x-k8s.io"}):
        golden = case("grpc-header")
        golden.routes[0]["spec"]["rules"][0]["backendRefs"][0].update(other)
        with pytest.raises(RenderError, match="no HTTPRoute or GRPCRoute"):
            golden.sent()


def test_an_action_that_is_no_json_is_named() -> None:
    golden = case("alb-weight")
    golden.routes[0]["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.web"] = "{"

    with pytest.raises(RenderError, match=r"actions\.web that is not JSON"):
        golden.sent()


def test_an_alb_ingress_without_the_action_is_refused() -> None:
    golden = case("alb-weight")
    del golden.routes[0]["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.web"]

    with pytest.raises(RenderError, match="Ingress with a forward action"):
        golden.sent()


def test_wildcards_of_the_load_balancer_are_refused() -> None:
    with pytest.raises(RenderError, match="wildcards"):
        case("alb-header").sent(match=asked({"match": {**HEADER, "value": "da*"}})["match"])


def test_a_route_that_is_mirrored_already_is_refused() -> None:
    golden = case("istio-mirror")
    golden.routes[0]["spec"]["http"][0]["mirror"] = {"host": "audit"}

    with pytest.raises(RenderError, match="mirrored already"):
        golden.sent()


def test_routes_without_http_know_no_match() -> None:
    golden = case("istio-header")
    del golden.routes[0]["spec"]["http"]

    with pytest.raises(RenderError, match="has no http route"):
        golden.sent()


def test_a_weight_that_is_a_quantity_is_refused() -> None:
    golden = case("smi-weight")
    golden.routes[0]["spec"]["backends"][0]["weight"] = "500m"

    with pytest.raises(RenderError, match="v1alpha2"):
        golden.sent()


def test_istio_by_subsets_divides_the_host_by_labels() -> None:
    golden, istio = case("istio-weight"), Istio(subsets=Subsets())
    sent = istio.overlay(golden.routes, **golden.arguments)

    first = sent[0]["spec"]["http"][2]["route"]
    assert [(each["destination"]["host"], each["destination"]["subset"], each["weight"]) for each in first] == [
        ("web", "gitops-agent-primary", 75),
        ("web", "gitops-agent-canary", 25),
    ]
    assert sent[1]["spec"]["subsets"] == Subsets().listed()
    assert len(sent) == len(golden.routes)
    assert istio.verify(served(sent), **golden.arguments).verdict == "ready"
    assert istio.verify(served([sent[0], golden.routes[1]]), **golden.arguments).verdict == "not_yet"


def test_subsets_need_a_destination_rule_and_no_subsets_of_the_users_own() -> None:
    istio, golden = Istio(subsets=Subsets()), case("istio-weight")
    with pytest.raises(RenderError, match="no DestinationRule"):
        istio.overlay(golden.routes[:1], **golden.arguments)
    golden.routes[0]["spec"]["http"][0]["route"][0]["destination"]["subset"] = "v1"
    with pytest.raises(RenderError, match="by subsets already"):
        istio.overlay(golden.routes, **golden.arguments)


def test_a_refusal_of_istio_itself_is_an_error() -> None:
    golden = case("istio-weight")
    live = served(golden.expected)
    live[0]["status"] = {"validationMessages": [{"level": "ERROR", "type": {"name": "ReferencedResourceNotFound"}}]}

    assert CAPABILITIES["istio"].provider.verify(live, **golden.arguments).verdict == "error"


def test_a_host_of_another_namespace_is_another_service() -> None:
    golden = case("istio-weight")
    routes = ({**golden.routes[0], "metadata": {"name": "web", "namespace": "other"}},)
    sent = Case(provider="istio", arguments=golden.arguments, routes=routes, expected=()).sent()

    assert sent[0]["spec"]["http"][0] == golden.routes[0]["spec"]["http"][0]
    assert len(sent[0]["spec"]["http"][2]["route"]) == 2


def test_the_default_backend_of_an_ingress_is_not_split() -> None:
    golden = case("nginx-weight")
    golden.routes[0]["spec"] = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}

    with pytest.raises(RenderError, match="no rule of an Ingress"):
        golden.sent()
