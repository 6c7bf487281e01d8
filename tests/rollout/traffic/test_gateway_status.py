from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.traffic.gateway_status import accepted
from gitops_agent.rollout.traffic.router import Verdict
from tests.rollout.traffic.cases import case
from tests.rollout.traffic.live import condition, served

GOOD = condition("Accepted"), condition("ResolvedRefs")


def route(*conditions: Object) -> Object:
    return served(case("gateway-weight").expected, *conditions)[0]


@pytest.mark.parametrize(
    ("conditions", "verdict"),
    [
        (GOOD, None),
        ((condition("Accepted", generation=2), GOOD[1]), Verdict.NOT_YET),
        ((GOOD[0], condition("ResolvedRefs", generation=2)), Verdict.NOT_YET),
        ((GOOD[0],), Verdict.NOT_YET),
        ((GOOD[0], condition("ResolvedRefs", "False", reason="BackendNotFound")), Verdict.NOT_YET),
        ((GOOD[0], condition("ResolvedRefs", "False", reason="RefNotPermitted")), Verdict.ERROR),
        ((condition("Accepted", "False", reason="NotAllowedByListeners"), GOOD[1]), Verdict.ERROR),
        ((condition("Accepted", "Unknown", reason="Pending"), GOOD[1]), Verdict.NOT_YET),
        ((*GOOD, condition("PartiallyInvalid", reason="UnsupportedValue")), Verdict.ERROR),
    ],
)
def test_what_a_parent_says(conditions: tuple[Object, ...], verdict: Verdict | None) -> None:
    acceptance = accepted(route(*conditions))

    assert (acceptance.verdict if acceptance else None) == verdict


def test_every_parent_has_to_answer() -> None:
    live = route(*GOOD)
    live["spec"]["parentRefs"].append({"name": "inner"})

    acceptance = accepted(live)
    assert acceptance is not None
    assert acceptance.verdict is Verdict.NOT_YET


def test_a_parent_the_route_has_left_is_not_asked() -> None:
    live = route(*GOOD)
    live["status"]["parents"].append({"parentRef": {"name": "old"}, "conditions": [condition("Accepted", "False")]})

    assert accepted(live) is None
