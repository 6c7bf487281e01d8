from __future__ import annotations

from typing import Any

import pytest

from benchmarks.traffic.backendref import INVALID
from benchmarks.traffic.translation import Translation, translate
from gitops_agent.manifest.key import Object

SERVICES = {("shop", name): {"spec": {"ports": [{"port": 80, "name": "http"}]}} for name in ("web", "web-canary", "cart")}


def _ref(name: str, weight: int | None = None, **more: Any) -> Object:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


def _route(*rules: Object, name: str = "web", hostnames: tuple[str, ...] = (), created: str = "2026-01-01T00:00:00Z") -> Object:
    return {
        "metadata": {"namespace": "shop", "name": name, "creationTimestamp": created, "generation": 1},
        "spec": {"hostnames": list(hostnames), "rules": list(rules)},
    }


def _weights(translation: Translation, number: int = 0) -> dict[str, int]:
    clusters = translation.virtual_hosts[0]["routes"][number]["route"]["weighted_clusters"]["clusters"]
    return {cluster["name"]: cluster["weight"] for cluster in clusters}


def test_weights_are_kept_and_none_is_sent_where_the_weight_is_zero() -> None:
    translation = translate([_route({"backendRefs": [_ref("web", 7500), _ref("web-canary", 2500), _ref("cart", 0)]})], SERVICES)

    assert _weights(translation) == {"shop/web/80": 7500, "shop/web-canary/80": 2500}
    assert {cluster.service for cluster in translation.clusters} == {"web", "web-canary", "cart"}
    assert translation.verdicts["shop", "web"].resolved is None


def test_a_reference_without_a_weight_weighs_one() -> None:
    assert _weights(translate([_route({"backendRefs": [_ref("web"), _ref("web-canary", 3)]})], SERVICES)) == {
        "shop/web/80": 1,
        "shop/web-canary/80": 3,
    }


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        (_ref("nowhere", 30), "BackendNotFound"),
        ({"name": "web", "port": 81, "weight": 30}, "BackendNotFound"),
        (_ref("web", 30, namespace="other"), "RefNotPermitted"),
        (_ref("web", 30, kind="Bucket", group="storage.example"), "InvalidKind"),
    ],
)
def test_a_backend_that_cannot_be_resolved_answers_500_for_its_share(ref: Object, reason: str) -> None:
    translation = translate([_route({"backendRefs": [_ref("cart", 70), ref]})], SERVICES)

    assert _weights(translation) == {"shop/cart/80": 70, INVALID: 30}
    assert translation.virtual_hosts[0]["routes"][0]["route"]["cluster_not_found_response_code"] == "INTERNAL_SERVER_ERROR"
    resolved = translation.verdicts["shop", "web"].resolved
    assert resolved is not None
    assert resolved.reason == reason


@pytest.mark.parametrize("refs", [[], [_ref("web", 0)]])
def test_a_rule_that_sends_nowhere_answers_500(refs: list[Object]) -> None:
    translation = translate([_route({"backendRefs": refs})], SERVICES)

    assert translation.virtual_hosts[0]["routes"][0]["direct_response"]["status"] == 500


def test_copies_go_to_the_mirror_and_do_not_count_as_a_backend() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": _ref("web-canary"), "percent": 10}}
    translation = translate([_route({"filters": [mirror], "backendRefs": [_ref("web")]})], SERVICES)

    assert _weights(translation) == {"shop/web/80": 1}
    assert translation.virtual_hosts[0]["routes"][0]["route"]["request_mirror_policies"] == [
        {
            "cluster": "shop/web-canary/80",
            "runtime_fraction": {"default_value": {"numerator": 100_000, "denominator": "MILLION"}},
        }
    ]


def test_headers_are_changed_for_a_rule_and_for_a_backend() -> None:
    change = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "1"}], "remove": ["b"]}}
    translation = translate([_route({"filters": [change], "backendRefs": [_ref("web", 1, filters=[change])]})], SERVICES)

    route = translation.virtual_hosts[0]["routes"][0]
    added = [{"header": {"key": "a", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    for place in (route, route["route"]["weighted_clusters"]["clusters"][0]):
        assert (place["request_headers_to_add"], place["request_headers_to_remove"]) == (added, ["b"])


def test_a_route_with_an_unknown_filter_is_not_in_force_at_all() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}
    translation = translate([_route({"backendRefs": [_ref("web")]}, {"filters": [redirect]})], SERVICES)

    assert translation.virtual_hosts == []
    accepted = translation.verdicts["shop", "web"].accepted
    assert accepted is not None
    assert (accepted.reason, accepted.message) == ("UnsupportedValue", "the filter RequestRedirect is not known here")


def test_the_rule_with_a_header_comes_before_the_one_without_wherever_it_stands() -> None:
    header = {"matches": [{"headers": [{"name": "x-user", "value": "david"}]}], "backendRefs": [_ref("web-canary")]}
    translation = translate([_route({"backendRefs": [_ref("web")]}, header)], SERVICES)

    assert _weights(translation, 0) == {"shop/web-canary/80": 1}
    assert _weights(translation, 1) == {"shop/web/80": 1}


def test_of_equal_matches_the_older_route_wins() -> None:
    young = _route({"backendRefs": [_ref("web-canary")]}, name="a", created="2026-02-01T00:00:00Z")
    old = _route({"backendRefs": [_ref("web")]}, name="b")

    assert _weights(translate([young, old], SERVICES)) == {"shop/web/80": 1}


def test_every_host_name_has_its_own_routes() -> None:
    translation = translate(
        [
            _route({"backendRefs": [_ref("web")]}, hostnames=("shop.example", "www.shop.example")),
            _route({"backendRefs": [_ref("cart")]}, name="any"),
        ],
        SERVICES,
    )

    assert [(virtual_host["domains"], len(virtual_host["routes"])) for virtual_host in translation.virtual_hosts] == [
        (["*"], 1),
        (["shop.example"], 1),
        (["www.shop.example"], 1),
    ]


@pytest.mark.parametrize(("timeout", "expected"), [("10s", "10s"), ("1m30s", "90s"), ("500ms", "0.5s"), ("1h", "3600s")])
def test_a_rules_time_limit_is_kept(timeout: str, expected: str) -> None:
    translation = translate([_route({"timeouts": {"request": timeout}, "backendRefs": [_ref("web")]})], SERVICES)

    assert translation.virtual_hosts[0]["routes"][0]["route"]["timeout"] == expected
