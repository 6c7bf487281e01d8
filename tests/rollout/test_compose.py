"""D(t) of applications with several rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gitops_agent.manifest import marks
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.traffic.router import Match, Mirror, Verdict, Verification
from tests.rollout.policies import policy

OLD, NEW = Version(commit="a" * 40, hash="aaaaaaaa"), Version(commit="b" * 40, hash="bbbbbbbb")
REST, SHARED, WITH = (ObjectKey("", "ConfigMap", "shop", name) for name in ("rest", "shared", "with"))
ROUTE = ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "shop", "shop")
STATES = [
    (Phase.IDLE, Stage.NONE),
    (Phase.PENDING, Stage.NONE),
    (Phase.PROVISION, Stage.NONE),
    *((Phase.STEP, stage) for stage in (Stage.SCALE, Stage.ROUTE, Stage.HOLD)),
    (Phase.PAUSED, Stage.NONE),
    *((Phase.PROMOTE, stage) for stage in (Stage.CUT_SCALE, Stage.CUT_ROUTE, Stage.CUT_HOLD)),
    *((Phase.PROMOTE, stage) for stage in (Stage.ROLL, Stage.WATCH, Stage.BACK, Stage.RESTORE)),
    *((phase, stage) for phase in (Phase.ABORT, Phase.SUPERSEDED) for stage in (Stage.UNROUTE, Stage.DRAIN, Stage.SERVICE)),
    *((Phase.FINALIZE, stage) for stage in (Stage.SERVICE, Stage.WORKLOAD)),
    (Phase.ABORT, Stage.WORKLOAD),
    (Phase.HELD, Stage.NONE),
]


class Shared:
    """A provider whose share stands beside those of others on one route."""

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
        return tuple({**route, "spec": {**route["spec"], canary_service: weight}} for route in routes)

    def verify(self, live: Sequence[Object], **asked: Any) -> Verification:
        return Verification(verdict=Verdict.READY)


def named(kind: str, name: str, version: str = "v1", **fields: Any) -> Manifest:
    return Manifest.of({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **fields})


def commit(what: Version) -> tuple[Manifest, ...]:
    """The workloads `web` and `api`, and objects around them.

    Of what both read, `shared-<hash>` is another object with each version, and `before` asks to come before a rollout.
    """
    asking = {"name": "with", "namespace": "shop", "annotations": {marks.APPLY_WITH_ROLLOUT: "true"}}
    before = {"name": "before", "namespace": "shop", "annotations": {marks.APPLY_BEFORE_ROLLOUT: "true"}}
    result = [
        named("ConfigMap", "rest", data={"of": what.hash}),
        named("ConfigMap", "shared", data={"of": what.hash}),
        Manifest.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": asking, "data": {"of": what.hash}}),
        Manifest.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": before, "data": {"of": what.hash}}),
        named("ConfigMap", f"shared-{what.hash}", data={"of": what.hash}),
        named("HTTPRoute", "shop", "gateway.networking.k8s.io/v1", spec={}),
    ]
    for name in ("web", "api"):
        own = f"{name}-{what.hash}"
        reads = [
            {"configMapRef": {"name": read}} for read in (f"{name}-settings", own, "shared", "before", f"shared-{what.hash}")
        ]
        pod = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": name, "image": f"{name}:{what.hash}", "envFrom": reads}]},
        }
        spec = {"replicas": 4, "selector": {"matchLabels": {"app": name}}, "template": pod}
        result += [
            named("Deployment", name, "apps/v1", spec=spec),
            named("Service", name, spec={"selector": {"app": name}, "ports": [{"port": 80}]}),
            named("ConfigMap", f"{name}-settings", data={"of": what.hash}),
            named("ConfigMap", own, data={"of": what.hash}),
        ]
    return tuple(result)


def part(name: str, phase: Phase, stage: Stage = Stage.NONE, *, weight: int = 0, done: bool = False) -> Part:
    """A rollout; one at rest has the new version when `done`."""
    stable = NEW if done and phase is Phase.IDLE else OLD
    state = RolloutState(
        phase=phase,
        stage=stage,
        stable=stable,
        target=NEW,
        adoption=Adoption.DONE,
        canary=2,
        traffic=Traffic(want=Share(weight=weight)),
    )
    traffic = {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": "shop"}]}
    spec = policy({"canary": {"steps": [{"weight": 25}]}}, targetRef={"name": name}, service=name, traffic=traffic)
    subject = ResolvedPolicy(policy=spec, workload=ObjectKey("apps", "Deployment", "shop", name), provider=Shared())
    return Part(state=state, subject=subject, stable=commit(stable), target=commit(NEW))


def test_without_a_rollout_the_desired_state_is_the_newest_commit() -> None:
    head = (
        Manifest.of(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}}, file="web.yaml"
        ),
    )
    composed = compose(head, ())
    assert composed.manifests == head
    assert not composed.kept


@given(first=st.sampled_from(STATES), second=st.sampled_from(STATES), done=st.booleans())
@example(first=(Phase.HELD, Stage.NONE), second=(Phase.PROMOTE, Stage.ROLL), done=False)
@example(first=(Phase.PROMOTE, Stage.CUT_HOLD), second=(Phase.PROMOTE, Stage.ROLL), done=False)
@example(first=(Phase.PROMOTE, Stage.CUT_HOLD), second=(Phase.STEP, Stage.HOLD), done=False)
@example(first=(Phase.IDLE, Stage.NONE), second=(Phase.PROMOTE, Stage.CUT_HOLD), done=True)
@example(first=(Phase.IDLE, Stage.NONE), second=(Phase.PROMOTE, Stage.ROLL), done=False)
def test_what_belongs_to_one_rollout_does_not_depend_on_another(
    first: tuple[Phase, Stage],
    second: tuple[Phase, Stage],
    done: bool,  # noqa: FBT001 - drawn
) -> None:
    parts = [part("web", *first, done=done), part("api", *second, done=done)]
    together = compose(commit(NEW), parts)
    result = {manifest.key: manifest for manifest in together.manifests}

    for chosen, other in (parts, reversed(parts)):
        alone = compose(commit(NEW), [chosen])
        theirs = {manifest.key: manifest for manifest in alone.manifests}
        foreign = compose(commit(NEW), [other])
        for key in (alone.own | alone.early) - foreign.own - foreign.early:
            assert result.get(key) == theirs.get(key), key
        assert alone.own <= together.own
        assert alone.early <= result.keys()
        assert alone.kept <= together.kept | result.keys()
    assert not together.kept & result.keys()
    assert [manifest.key for manifest in together.manifests] == sorted(result)


@given(first=st.sampled_from(STATES), second=st.sampled_from(STATES), done=st.booleans())
@example(first=(Phase.HELD, Stage.NONE), second=(Phase.PROMOTE, Stage.ROLL), done=False)
@example(first=(Phase.PROMOTE, Stage.CUT_HOLD), second=(Phase.PROMOTE, Stage.ROLL), done=False)
@example(first=(Phase.IDLE, Stage.NONE), second=(Phase.PROMOTE, Stage.CUT_HOLD), done=True)
@example(first=(Phase.IDLE, Stage.NONE), second=(Phase.PROMOTE, Stage.ROLL), done=False)
def test_what_is_shared_waits_for_the_last_workload_before_its_cut_and_comes_with_the_first_behind_it(
    first: tuple[Phase, Stage],
    second: tuple[Phase, Stage],
    done: bool,  # noqa: FBT001 - drawn
) -> None:
    parts = [part("web", *first, done=done), part("api", *second, done=done)]
    states = [entry.state for entry in parts]
    waits = any(state.phase is Phase.HELD or (state.running and not state.rolled and not state.cutting) for state in states)
    taken = any(state.running and state.rolled for state in states)
    cutting = any(state.cutting for state in states)
    objects = {manifest.key: manifest.obj for manifest in compose(commit(NEW), parts).manifests}

    at_rest = NEW if done else OLD
    expected = OLD if waits else NEW if taken else OLD if cutting else at_rest
    assert objects[SHARED]["data"]["of"] == objects[WITH]["data"]["of"] == expected.hash
    assert objects[REST]["data"]["of"] == NEW.hash, "what belongs to no rollout follows Git"


def test_two_rollouts_lay_their_shares_over_one_route() -> None:
    parts = [part("web", Phase.STEP, Stage.HOLD, weight=25), part("api", Phase.STEP, Stage.HOLD, weight=75)]
    (route,) = (manifest.obj for manifest in compose(commit(NEW), parts).manifests if manifest.key == ROUTE)

    assert route["spec"] == {"web-canary": 25, "api-canary": 75}


def test_what_one_rollout_needs_for_the_last_time_and_another_still_declares_is_declared() -> None:
    dropped = ObjectKey("", "ConfigMap", "shop", f"shared-{OLD.hash}")
    together = compose(commit(NEW), [part("web", Phase.PROMOTE, Stage.ROLL), part("api", Phase.STEP, Stage.HOLD)])
    alone = compose(commit(NEW), [part("web", Phase.PROMOTE, Stage.ROLL)])

    assert dropped in {manifest.key for manifest in together.manifests} - together.kept
    assert dropped in alone.kept


def test_what_asks_to_come_before_a_rollout_does_so_though_another_one_holds_it() -> None:
    before = ObjectKey("", "ConfigMap", "shop", "before")

    def content(*parts: Part) -> str:
        objects = {manifest.key: manifest.obj for manifest in compose(commit(NEW), parts).manifests}
        return str(objects[before]["data"]["of"])

    assert content(part("web", Phase.STEP, Stage.HOLD), part("api", Phase.HELD)) == NEW.hash
    assert content(part("api", Phase.HELD)) == OLD.hash
