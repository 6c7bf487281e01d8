from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.overlay import (
    OverlayResult,
    ResolvedPolicy,
    adapted,
    commit_of_run,
    commits,
    declares_carriers,
    laid,
    routed,
)
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.traffic.router import Match, Mirror, Verdict, Verification
from gitops_agent.rollout.traffic.service import PlainService
from tests.rollout.policies import canary, rolling

WEB = ObjectKey("apps", "Deployment", "shop", "web")
STABLE, TARGET = Version(commit="a" * 40, hash="aaaaaaaa"), Version(commit="b" * 40, hash="bbbbbbbb")


class Weights:
    """A provider that writes the weight into the route."""

    def overlay(
        self,
        routes: Sequence[Object],
        *,
        service: str,
        canary_service: str,
        weight: int,
        match: Match | None,
        mirror: Mirror | None,
    ) -> tuple[Object, ...]:
        return tuple({**route, "spec": {"to": {service: 100 - weight, canary_service: weight}}} for route in routes)

    def verify(self, live: Sequence[Object], **asked: Any) -> Verification:
        return Verification(verdict=Verdict.READY)


def manifests(image: str, *, colour: str = "red", more: Sequence[Object] = ()) -> list[Manifest]:
    def named(kind: str, name: str, version: str = "v1", **fields: Any) -> Object:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **fields}

    pod = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image, "envFrom": [{"configMapRef": {"name": "web"}}]}]},
    }
    workload = {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "template": pod}
    scaler = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9}
    objects = [
        named("Deployment", "web", "apps/v1", spec=workload),
        named(
            "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}], "type": "NodePort"}
        ),
        named("ConfigMap", "web", data={"colour": colour}),
        named("HTTPRoute", "web", "gateway.networking.k8s.io/v1", spec={}),
        named("HorizontalPodAutoscaler", "web", "autoscaling/v2", spec=scaler),
        *more,
    ]
    return [Manifest.of(obj) for obj in objects]


OLD, NEW = manifests("web:1"), manifests("web:2", colour="blue")


def subject(policy: RolloutPolicySpec | None = None, *, autoscaled: bool = False) -> ResolvedPolicy:
    return ResolvedPolicy(policy=policy or canary(), workload=WEB, provider=Weights(), autoscaled=autoscaled)


def state(phase: Phase, stage: Stage = Stage.NONE, *, weight: int = 0, **fields: Any) -> RolloutState:
    traffic = Traffic(want=Share(weight=weight))
    base = RolloutState(
        phase=phase, stage=stage, stable=STABLE, target=TARGET, adoption=Adoption.DONE, traffic=traffic, canary=2
    )
    return replace(base, **fields)


def overlay(
    at: RolloutState,
    stable: Sequence[Manifest],
    target: Sequence[Manifest],
    about: ResolvedPolicy,
    replicas: Replicas | None = None,
) -> OverlayResult:
    """What is declared while the target is the newest commit."""
    return routed(laid(at, commits(at, stable, target), about, replicas), at, about)


def objects(result: OverlayResult) -> dict[str, Object]:
    return {str(manifest.key): manifest.obj for manifest in result.manifests}


def test_at_rest_the_workload_is_adopted_and_nothing_else_is_changed() -> None:
    by_name = objects(overlay(state(Phase.IDLE, target=None), OLD, OLD, subject()))
    web = by_name["apps/Deployment:shop/web"]

    assert by_name.keys() == {str(manifest.key) for manifest in OLD}
    assert web["spec"]["template"]["metadata"]["labels"] == {"app": "web", canary_objects.VARIANT: "primary"}
    assert web["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    assert web["metadata"]["annotations"][canary_objects.ROLLOUT_HASH] == STABLE.hash
    assert by_name["Service:shop/web"]["spec"]["selector"] == {"app": "web", canary_objects.VARIANT: "primary"}
    assert by_name["autoscaling/HorizontalPodAutoscaler:shop/web"] == OLD[4].obj


def test_the_service_selects_by_the_label_only_after_the_pods_have_it() -> None:
    by_name = objects(overlay(state(Phase.IDLE, target=None, adoption=Adoption.LABEL), OLD, OLD, subject()))

    assert canary_objects.VARIANT in by_name["apps/Deployment:shop/web"]["spec"]["template"]["metadata"]["labels"]
    assert by_name["Service:shop/web"]["spec"]["selector"] == {"app": "web"}


def test_a_workload_gets_no_label_before_it_is_adopted() -> None:
    by_name = objects(overlay(state(Phase.IDLE, target=None, adoption=Adoption.NONE), OLD, OLD, subject()))

    assert by_name["apps/Deployment:shop/web"]["spec"]["template"]["metadata"]["labels"] == {"app": "web"}


def test_a_workload_that_is_rolled_in_place_gets_no_label_though_it_was_adopted_before() -> None:
    about = replace(subject(rolling()), provider=None)
    by_name = objects(overlay(state(Phase.IDLE, target=None), OLD, OLD, about))

    assert by_name["apps/Deployment:shop/web"]["spec"]["template"]["metadata"]["labels"] == {"app": "web"}


def test_a_version_without_the_service_is_reached_by_that_of_the_stable_one() -> None:
    without = [manifest for manifest in NEW if manifest.key.kind != "Service"]
    by_name = objects(overlay(state(Phase.STEP, Stage.HOLD), OLD, without, subject()))

    assert by_name["Service:shop/web-canary"]["spec"]["ports"] == [{"port": 80}]


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.STEP, Phase.HELD])
def test_a_workload_and_its_service_are_decided_by_their_rollout_alone_and_nothing_declared_is_kept(phase: Phase) -> None:
    def asking(manifest: Manifest) -> Manifest:
        metadata = {**manifest.obj["metadata"], "annotations": {marks.APPLY_BEFORE_ROLLOUT: "true"}}
        return (
            manifest.with_object({**manifest.obj, "metadata": metadata})
            if manifest.key.kind in {"Service", "ConfigMap"}
            else manifest
        )

    result = overlay(
        state(phase, Stage.HOLD if phase is Phase.STEP else Stage.NONE), OLD, [asking(manifest) for manifest in NEW], subject()
    )

    alone = {WEB, ObjectKey("", "Service", "shop", "web")}
    assert alone <= result.own
    assert not alone & (result.early | result.bound)
    assert not result.kept & {manifest.key for manifest in result.manifests}
    assert ObjectKey("", "ConfigMap", "shop", "web") in result.bound


def test_an_autoscaler_of_another_namespace_or_at_rest_may_scale_down() -> None:
    (scaler,) = (manifest.obj for manifest in OLD if manifest.key.kind == "HorizontalPodAutoscaler")
    foreign = Manifest.of({**scaler, "metadata": {**scaler["metadata"], "namespace": "bank"}})
    running = objects(overlay(state(Phase.STEP, Stage.HOLD), [*OLD, foreign], [*NEW, foreign], subject(autoscaled=True)))
    resting = objects(overlay(state(Phase.IDLE, target=None), OLD, OLD, subject(autoscaled=True)))

    assert "behavior" not in running["autoscaling/HorizontalPodAutoscaler:bank/web"]["spec"]
    assert "behavior" not in resting["autoscaling/HorizontalPodAutoscaler:shop/web"]["spec"]


@pytest.mark.parametrize(("value", "colour"), [("true", "blue"), ("false", "red")])
def test_held_configuration_changes_before_the_rollout_only_where_it_asks_for_it(value: str, colour: str) -> None:
    def asking(manifest: Manifest) -> Manifest:
        if manifest.key.kind != "ConfigMap":
            return manifest
        metadata = {**manifest.obj["metadata"], "annotations": {marks.APPLY_BEFORE_ROLLOUT: value}}
        return manifest.with_object({**manifest.obj, "metadata": metadata})

    pending = overlay(state(Phase.PENDING), OLD, [asking(manifest) for manifest in NEW], subject())

    assert objects(pending)["ConfigMap:shop/web"]["data"] == {"colour": colour}
    assert ObjectKey("", "ConfigMap", "shop", "web") in pending.early or value == "false"


def test_a_step_has_both_versions_and_a_share_on_the_route() -> None:
    by_name = objects(overlay(state(Phase.STEP, Stage.HOLD, weight=25), OLD, NEW, subject()))
    second = by_name["apps/Deployment:shop/web-c-bbbbbbbb"]
    own = {"app": "web", canary_objects.VARIANT: "canary", canary_objects.ROLLOUT_HASH: TARGET.hash}

    assert by_name["apps/Deployment:shop/web"]["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert second["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert second["spec"]["template"]["spec"]["containers"][0]["envFrom"] == [{"configMapRef": {"name": "web-bbbbbbbb"}}]
    assert second["spec"]["selector"]["matchLabels"] == second["spec"]["template"]["metadata"]["labels"] == own
    assert second["spec"]["replicas"] == 2
    assert by_name["ConfigMap:shop/web"]["data"] == {"colour": "red"}
    assert by_name["ConfigMap:shop/web-bbbbbbbb"]["data"] == {"colour": "blue"}
    assert by_name["Service:shop/web-canary"]["spec"] == {"type": "ClusterIP", "ports": [{"port": 80}], "selector": own}
    assert by_name["gateway.networking.k8s.io/HTTPRoute:shop/web"]["spec"] == {"to": {"web": 75, "web-canary": 25}}


def test_the_canary_is_reached_by_the_ports_the_routes_of_either_version_name() -> None:
    def exposing(*ports: Object) -> list[Manifest]:
        service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}
        spec = {"selector": {"app": "web"}, "ports": list(ports)}
        return [manifest for manifest in NEW if manifest.key.kind != "Service"] + [Manifest.of({**service, "spec": spec})]

    old = exposing({"port": 80, "targetPort": 8080}, {"port": 81, "name": "admin"})
    new = exposing({"port": 8000, "targetPort": 8080}, {"port": 81, "name": "admin", "targetPort": 9000})
    by_name = objects(overlay(state(Phase.STEP, Stage.HOLD), old, new, subject()))

    assert by_name["Service:shop/web-canary"]["spec"]["ports"] == [
        {"port": 8000, "targetPort": 8080, "name": "port-8000"},
        {"port": 81, "name": "admin", "targetPort": 9000},
        {"port": 80, "targetPort": 8080, "name": "port-80"},
    ]


def test_a_baseline_is_the_stable_version_anew_where_the_service_finds_it() -> None:
    by_name = objects(overlay(state(Phase.STEP, Stage.HOLD, weight=25, baseline=2), OLD, NEW, subject()))
    third = by_name["apps/Deployment:shop/web-b-aaaaaaaa"]
    own = {"app": "web", canary_objects.VARIANT: "primary", canary_objects.ROLLOUT_HASH: STABLE.hash}

    assert third["metadata"]["labels"][canary_objects.VARIANT] == "baseline"
    assert third["spec"]["selector"]["matchLabels"] == third["spec"]["template"]["metadata"]["labels"] == own
    assert third["spec"]["replicas"] == 2
    container = third["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["envFrom"]) == ("web:1", [{"configMapRef": {"name": "web"}}])
    assert by_name["Service:shop/web"]["spec"]["selector"].items() <= own.items()


def test_the_autoscaler_does_not_scale_down_during_a_run_and_owns_the_replicas() -> None:
    by_name = objects(overlay(state(Phase.STEP, Stage.HOLD), OLD, NEW, subject(autoscaled=True)))

    behavior = by_name["autoscaling/HorizontalPodAutoscaler:shop/web"]["spec"]["behavior"]
    assert behavior == {"scaleDown": {"selectPolicy": "Disabled"}}
    assert "replicas" not in by_name["apps/Deployment:shop/web"]["spec"]


def test_what_a_version_adds_comes_first_and_what_it_changes_or_drops_waits() -> None:
    extra: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra", "namespace": "shop"}}
    without = [manifest for manifest in NEW if manifest.key.kind != "ConfigMap"]
    by_name = objects(overlay(state(Phase.PENDING), OLD, [*without, Manifest.of(extra)], subject()))

    assert "ConfigMap:shop/extra" in by_name
    assert by_name["ConfigMap:shop/web"]["data"] == {"colour": "red"}


def test_what_stable_pods_read_is_kept_until_the_run_ends() -> None:
    without = [manifest for manifest in NEW if manifest.key.kind != "ConfigMap"]
    rolling = overlay(state(Phase.PROMOTE, Stage.ROLL, weight=100), OLD, without, subject())
    ended = overlay(state(Phase.IDLE, stable=TARGET, target=None), without, without, subject())

    assert rolling.kept == {ObjectKey("", "ConfigMap", "shop", "web")}
    assert ended.kept == frozenset()


@pytest.mark.parametrize(("phase", "stage"), [(Phase.PROMOTE, Stage.RESTORE), (Phase.ABORT, Stage.DRAIN)])
def test_what_a_version_added_is_kept_while_its_pods_may_read_it(phase: Phase, stage: Stage) -> None:
    extra: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra", "namespace": "shop"}}
    leaving = Part(state=state(phase, stage, weight=100), subject=subject(), stable=OLD, target=[*NEW, Manifest.of(extra)])
    result = compose(OLD, [leaving])

    assert ObjectKey("", "ConfigMap", "shop", "extra") in result.kept
    assert "ConfigMap:shop/extra" not in objects(result)


def test_the_replicas_are_those_the_cluster_can_afford_now() -> None:
    about = ResolvedPolicy(policy=canary(plain=True), workload=WEB, provider=PlainService())
    now = Replicas(primary=4, canary=1)
    by_name = objects(overlay(state(Phase.STEP, Stage.SCALE, weight=25, primary=3), OLD, NEW, about, now))

    assert by_name["apps/Deployment:shop/web"]["spec"]["replicas"] == 4
    assert by_name["apps/Deployment:shop/web-c-bbbbbbbb"]["spec"]["replicas"] == 1


def test_leaving_takes_routes_then_the_service_then_the_workload() -> None:
    def there(stage: Stage) -> tuple[bool, bool]:
        by_name = objects(overlay(state(Phase.ABORT, stage), OLD, NEW, subject()))
        assert by_name["gateway.networking.k8s.io/HTTPRoute:shop/web"] == OLD[3].obj
        return "Service:shop/web-canary" in by_name, "apps/Deployment:shop/web-c-bbbbbbbb" in by_name

    assert [there(stage) for stage in (Stage.UNROUTE, Stage.DRAIN, Stage.SERVICE, Stage.WORKLOAD)] == [
        (True, True),
        (True, True),
        (False, True),
        (False, False),
    ]


def test_restoring_brings_the_stable_workload_back_behind_the_canary() -> None:
    by_name = objects(overlay(state(Phase.PROMOTE, Stage.RESTORE, weight=100), OLD, NEW, subject()))

    assert by_name["apps/Deployment:shop/web"]["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert by_name["gateway.networking.k8s.io/HTTPRoute:shop/web"]["spec"]["to"]["web-canary"] == 100


@pytest.mark.parametrize(
    ("weight", "selector"),
    [
        (0, {"app": "web", canary_objects.VARIANT: "primary"}),
        (30, {"app": "web"}),
        (100, {"app": "web", canary_objects.VARIANT: "canary"}),
    ],
)
def test_a_plain_service_selects_one_side_or_both(weight: int, selector: dict[str, str]) -> None:
    about = ResolvedPolicy(policy=canary(plain=True), workload=WEB, provider=PlainService())
    by_name = objects(overlay(state(Phase.STEP, Stage.HOLD, weight=weight, primary=3), OLD, NEW, about))

    assert by_name["Service:shop/web"]["spec"]["selector"] == selector
    assert by_name["Service:shop/web-canary"]["spec"]["selector"][canary_objects.ROLLOUT_HASH] == TARGET.hash
    assert by_name["apps/Deployment:shop/web"]["spec"]["replicas"] == 3


def test_manifests_are_never_mutated() -> None:
    before = [copy(manifest.obj) for manifest in (*OLD, *NEW)]
    for phase in Phase:
        overlay(state(phase, Stage.HOLD if phase is Phase.STEP else Stage.ROLL, weight=10), OLD, NEW, subject())

    assert [manifest.obj for manifest in (*OLD, *NEW)] == before


def test_names_stay_short_enough_for_labels() -> None:
    assert canary_objects.canary_name("web", "bbbbbbbb") == "web-c-bbbbbbbb"
    assert len(canary_objects.canary_service_name("s" * 63)) == 63
    assert canary_objects.canary_service_name("s" * 63) != canary_objects.canary_service_name("s" * 62)


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Deployment", "web-c-1234", True),
        ("Deployment", "web-b-1234", True),
        ("Deployment", "web-c-9999", False),
        ("Deployment", "database", False),
        ("Service", "web-canary", True),
        ("Service", "web", False),
        ("ConfigMap", "settings-1234", True),
        ("ConfigMap", "settings", False),
        ("PersistentVolumeClaim", "data-1234", False),
    ],
)
def test_an_object_of_a_rollout_has_the_name_of_a_known_version(kind: str, name: str, *, expected: bool) -> None:
    group = "apps" if kind == "Deployment" else ""
    workload, service = ObjectKey("apps", "Deployment", "shop", "web"), ObjectKey("", "Service", "shop", "web")
    key = ObjectKey(group, kind, "shop", name)

    assert canary_objects.is_made(key, workload=workload, service=service, versions={"1234"}) is expected
    assert not canary_objects.is_made(replace(key, namespace="bank"), workload=workload, service=service, versions={"1234"})


@pytest.mark.parametrize("phase", [Phase.ABORT, Phase.SUPERSEDED])
@pytest.mark.parametrize("stage", [Stage.UNROUTE, Stage.DRAIN, Stage.SERVICE])
def test_a_way_out_does_not_make_a_canary_that_does_not_exist(phase: Phase, stage: Stage) -> None:
    leaving, absent = state(phase, stage), Replicas(primary=None, canary=2, absent=True)

    made = {
        manifest.key.kind: manifest.key.name
        for manifest in overlay(leaving, OLD, NEW, subject(), absent).manifests
        if "-" in manifest.key.name
    }

    assert "Deployment" not in made
    assert ("Service" in made) is (stage is not Stage.SERVICE), "the canary's Service goes by itself"


def test_traffic_returns_through_a_canary_that_has_to_be_made_anew() -> None:
    restoring, absent = state(Phase.PROMOTE, Stage.RESTORE), Replicas(primary=None, canary=2, absent=True)

    assert any(manifest.key.name == "web-c-bbbbbbbb" for manifest in overlay(restoring, OLD, NEW, subject(), absent).manifests)


RENAMED = [manifest for manifest in NEW if manifest.key.name != "web" or manifest.key.kind not in {"Service", "HTTPRoute"}]


@pytest.mark.parametrize(
    ("phase", "stage"),
    [(Phase.PROMOTE, Stage.ROLL), (Phase.PROMOTE, Stage.BACK), (Phase.FINALIZE, Stage.SERVICE), (Phase.ABORT, Stage.UNROUTE)],
)
def test_a_run_keeps_the_service_and_the_routes_that_git_renames_meanwhile(phase: Phase, stage: Stage) -> None:
    renaming = state(phase, stage, weight=0 if phase is Phase.FINALIZE else 100)

    overlaid = overlay(renaming, OLD, RENAMED, subject())

    declared = {(manifest.key.kind, manifest.key.name): manifest.obj for manifest in overlaid.manifests}
    assert declared["Service", "web"]["spec"]["selector"]["gitops-agent.dev/variant"] == "primary"
    weight = renaming.traffic.want.weight
    assert declared["HTTPRoute", "web"]["spec"] == ({"to": {"web": 0, "web-canary": 100}} if weight else {})


def test_what_git_renamed_goes_once_the_run_has_ended() -> None:
    overlaid = overlay(state(Phase.IDLE, target=None), RENAMED, RENAMED, subject())

    assert not any(manifest.key.kind in {"Service", "HTTPRoute"} for manifest in overlaid.manifests)


def test_a_rollout_adapts_its_workload_service_routes_and_autoscaler_and_nothing_else() -> None:
    declared = manifests("web:1")

    kinds = {manifest.key.kind for manifest in declared if adapted(manifest, subject())}

    assert kinds == {"Deployment", "Service", "HTTPRoute", "HorizontalPodAutoscaler"}
    scaler = next(manifest for manifest in declared if manifest.key.kind == "HorizontalPodAutoscaler")
    other = {**scaler.obj, "spec": {**scaler.obj["spec"], "scaleTargetRef": {"kind": "Deployment", "name": "api"}}}
    assert not adapted(scaler.with_object(other), subject())


def test_commits_declare_what_carries_the_traffic_when_they_have_the_service_and_every_route() -> None:
    keys = {manifest.key for manifest in manifests("web:1")}

    assert declares_carriers(keys, subject())
    for kind in ("Service", "HTTPRoute"):
        assert not declares_carriers({key for key in keys if key.kind != kind}, subject())
    assert declares_carriers((), subject(rolling()))


@pytest.mark.parametrize(
    ("where", "head", "kept"),
    [
        (state(Phase.STEP, Stage.HOLD), TARGET.hash, True),
        (state(Phase.PROMOTE, Stage.CUT_HOLD), TARGET.hash, True),
        (state(Phase.STEP, Stage.HOLD), "cccccccc", False),
        (state(Phase.PENDING), TARGET.hash, False),
    ],
)
def test_a_run_keeps_its_commit_where_the_newest_has_the_version_without_its_service(
    where: RolloutState, head: str, *, kept: bool
) -> None:
    newest = Version(commit="c" * 40, hash=head)
    keys = {manifest.key for manifest in manifests("web:1")}

    without = {key for key in keys if key.kind != "Service"}
    assert commit_of_run(where, newest, without, subject()) == (TARGET if kept else newest)
    assert commit_of_run(where, newest, keys, subject()) == newest
