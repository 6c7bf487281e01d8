from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.replica_counts import ratio
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.rollout.traffic.service import PlainService, wanted_counts


def piece(service: str, *addresses: str, ready: bool = True, family: str = "IPv4") -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": family,
        "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}} for address in addresses],
    }


def verdict(weight: int, *live: Object) -> Verdict:
    return PlainService().verify(live, service="web", canary_service="web-c", weight=weight, match=None, mirror=None).verdict


def test_the_share_is_read_from_the_endpoints_of_both_services() -> None:
    live = piece("web", "a", "b", "c", "d"), piece("web-c", "d")

    assert verdict(25, *live) is Verdict.READY
    assert verdict(50, *live) is Verdict.NOT_YET
    assert verdict(0, *live) is Verdict.NOT_YET


def test_pods_that_are_not_ready_count_on_neither_side() -> None:
    assert verdict(50, piece("web", "a"), piece("web", "b", ready=False), piece("web-c", "b")) is Verdict.NOT_YET
    assert verdict(0, piece("web", "a"), piece("web", "b", ready=False), piece("web-c", "b")) is Verdict.READY


def test_a_pod_with_an_address_of_each_family_is_one_pod() -> None:
    four = piece("web", "a", "b", "c"), piece("web-c", "b", "c")
    six = piece("web", "::a", "::b", "::c", family="IPv6"), piece("web-c", "::b", "::c", family="IPv6")

    assert verdict(50, *four) is Verdict.READY
    assert verdict(50, *four, *six) is Verdict.READY
    assert verdict(50, *six) is Verdict.READY


def test_no_endpoints_are_not_yet() -> None:
    assert verdict(0) is Verdict.NOT_YET


@pytest.mark.parametrize(("total", "weight", "counts"), [(4, 0, {0}), (4, 100, {4}), (4, 1, {1}), (4, 99, {3}), (1, 50, set())])
def test_counts_that_are_a_share(total: int, weight: int, counts: set[int]) -> None:
    assert wanted_counts(total, weight) == counts


@given(st.integers(1, 50), st.integers(0, 100), st.booleans())
def test_the_numbers_that_are_chosen_are_numbers_that_are_verified(replicas: int, weight: int, surge: bool) -> None:  # noqa: FBT001
    counts = ratio(replicas, weight, surge=surge)

    assert counts.refused or counts.canary in wanted_counts(counts.canary + counts.stable, weight)
