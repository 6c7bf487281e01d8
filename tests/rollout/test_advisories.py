from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.advisories import notes
from gitops_agent.rollout.canary_objects import VARIANT
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Phase, RolloutState
from gitops_agent.rollout.traffic.gateway import GatewayAPI
from tests.rollout.policies import canary, rolling

WEB = ObjectKey("apps", "Deployment", "shop", "web")
RUNNING = RolloutState(phase=Phase.STEP, canary=3)


def declared(selector: Object) -> dict[ObjectKey, Manifest]:
    pod = {"metadata": {"labels": {"app": "web"}}, "spec": {}}
    metadata = {"name": "web", "namespace": "shop"}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": {"selector": selector}}
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": pod}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": "web"}}}
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": {"rules": rules}}
    return {manifest.key: manifest for manifest in map(Manifest.of, (workload, budget, service, route))}


def subject(**policy: Any) -> ResolvedPolicy:
    return ResolvedPolicy(policy=canary(**policy), workload=WEB, provider=GatewayAPI())


def test_a_budget_over_both_sides_is_reported() -> None:
    (note,) = notes(RolloutState(), subject(), declared({"matchLabels": {"app": "web"}}))

    assert note.startswith("policy/PodDisruptionBudget:shop/web counts the pods of")
    assert "gitops-agent.dev/variant: primary" in note


@pytest.mark.parametrize("labels", [{"app": "web", VARIANT: "primary"}, {"app": "other"}])
def test_a_budget_of_one_side_or_of_others_is_not(labels: dict[str, str]) -> None:
    assert notes(RolloutState(), subject(), declared({"matchLabels": labels})) == ()


def test_another_service_that_reaches_both_sides_is_reported() -> None:
    def other(name: str, selector: Object | None) -> dict[ObjectKey, Manifest]:
        metadata = {"name": name, "namespace": "shop"}
        made = Manifest.of({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": selector}})
        return {**declared({"matchLabels": {"app": "other"}}), made.key: made}

    (note,) = notes(RolloutState(), subject(), other("metrics", {"app": "web"}))
    assert note.startswith("Service:shop/metrics reaches")
    assert notes(RolloutState(), subject(), other("web", {"app": "web"})) == ()
    assert notes(RolloutState(), subject(), other("metrics", {"app": "web", VARIANT: "primary"})) == ()
    assert notes(RolloutState(), subject(), other("outside", None)) == ()


def test_notes_do_not_depend_on_the_order_of_the_manifests() -> None:
    metadata = [{"name": name, "namespace": "shop"} for name in ("b", "c", "a")]
    selector = {"app": "web"}
    others = [
        *({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": selector}} for meta in metadata),
        *(
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": meta,
                "spec": {"selector": {"matchLabels": selector}},
            }
            for meta in metadata
        ),
    ]
    whole = declared({"matchLabels": {"app": "other"}}) | {manifest.key: manifest for manifest in map(Manifest.of, others)}

    assert [note.split()[0].rpartition("/")[2] for note in notes(RolloutState(), subject(), whole)] == ["a", "b", "c"] * 2


def test_what_would_keep_a_rollout_from_beginning_is_reported_in_advance() -> None:
    whole = declared({"matchLabels": {"app": "other"}})
    without = {key: manifest for key, manifest in whole.items() if key.kind != "Service"}

    assert notes(RolloutState(), subject(), whole) == ()
    (note,) = notes(RolloutState(), subject(), without)
    assert note == "no rollout can begin: Service:shop/web is not declared by this application"
    assert notes(RUNNING, subject(), without) == ()


def test_a_rolling_update_has_no_second_side() -> None:
    about = ResolvedPolicy(policy=rolling(), workload=WEB, provider=None)

    assert notes(RolloutState(), about, declared({"matchLabels": {"app": "web"}})) == ()


def test_a_missing_baseline_is_reported_while_there_is_something_to_compare() -> None:
    others = declared({"matchLabels": {"app": "other"}})

    assert "no room for a baseline" in notes(RUNNING, subject(baseline=True), others)[0]
    assert notes(RolloutState(phase=Phase.STEP, canary=2, baseline=2), subject(baseline=True), others) == ()
    assert notes(RolloutState(), subject(baseline=True), others) == ()


def test_pods_without_metadata_are_counted_by_no_budget() -> None:
    manifests = declared({"matchLabels": {"app": "web"}})
    bare = {**manifests[WEB].obj, "spec": {"template": {"spec": {}}}}

    reported = notes(RolloutState(), subject(), {**manifests, WEB: Manifest.of(bare)})

    assert not any("PodDisruptionBudget" in note for note in reported)
