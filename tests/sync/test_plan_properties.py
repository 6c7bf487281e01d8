"""Properties of whole plans over random desired and live states."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.sync_options import DeletionGuard, SyncMode
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.sync.action import ActionKind
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.plan import Plan, PlanError, PlanPolicy, plan
from tests.sync.samples import APP, OTHER, crd, executed, live, seen, thing, wanted, workload

SPACES = ("shop", "bank")


@dataclass(frozen=True, slots=True)
class World:
    """One random situation."""

    objects: tuple[Object, ...]
    snapshot: Snapshot
    policy: PlanPolicy

    def plan(self, **changes: Any) -> Plan | None:
        """The plan, None where it is refused."""
        try:
            return plan(wanted(*self.objects), self.snapshot, replace(self.policy, **changes))
        except PlanError as error:
            assert error.reason == "OwnedByAnother"  # noqa: PT017 - the one refusal that can be expected here
            return None


UNIVERSE = (
    *(("Namespace", "", name) for name in SPACES),
    *((kind, space, name) for kind in ("ConfigMap", "PersistentVolumeClaim") for space in SPACES for name in "abc"),
    *((kind, "shop", name) for kind in ("Deployment", "Widget") for name in "ab"),
    ("ClusterRole", "", "a"),
)
"""Kind, namespace and name of everything there may be; few enough that what is declared and what is live overlap."""

DECLARED: tuple[tuple[str, dict[str, str]] | None, ...] = (
    None,
    None,
    ("0", {}),
    ("1", {}),
    ("1", {"gitops-agent.dev/wave": "-1"}),
    ("1", {"gitops-agent.dev/prune": "disabled"}),
    ("0", {"gitops-agent.dev/apply": "create-only"}),
    ("0", {"gitops-agent.dev/apply": "ignore"}),
    ("0", {"helm.sh/hook": "pre-install"}),
)
"""The content of a declared object and its annotations."""

LIVE: tuple[dict[str, Any] | None, ...] = (
    None,
    None,
    {},
    {},
    {},
    {},
    {"projection": "edited"},
    {"projection": "edited"},
    {"owner": None, "digest": None, "projection": ""},
    {"controlled": True},
    {"prune_disabled": True},
    {"deleting": True},
    {"owner": OTHER},
)
"""How a live object differs from one that this application applied with the content 0."""


def body(identity: tuple[str, str, str], content: str, annotations: dict[str, str] | None = None) -> Object:
    kind, namespace, name = identity
    if kind == "Deployment":
        return workload(kind, name, namespace=namespace, annotations=annotations, priority=content)
    return thing(kind, name, namespace=namespace, annotations=annotations, data={"content": content})


def choices(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, count - 1), min_size=len(UNIVERSE), max_size=len(UNIVERSE))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    there = []
    foreign = draw(st.integers(0, 9)) == 7
    empty = draw(st.integers(0, 9)) == 7
    objects = [crd()] if not empty and draw(st.booleans()) else []
    for identity, declared_choice, live_choice in zip(
        UNIVERSE, draw(choices(len(DECLARED))), draw(choices(len(LIVE))), strict=True
    ):
        declared, changes = DECLARED[declared_choice], LIVE[live_choice]
        if declared is not None and not empty:
            objects.append(body(identity, *declared))
        # An object of another application that is declared here too makes the whole plan fail, so it is rare.
        if changes is not None and (changes.get("owner") != OTHER or foreign or declared is None):
            there.append(live(body(identity, "0"), **changes))
    blind = draw(st.sampled_from([{}, {}, {}, {GroupKind("", "ConfigMap"): "forbidden"}]))
    policy = PlanPolicy(
        prune=draw(st.integers(0, 5)) > 0,
        self_heal=draw(st.booleans()),
        mode=draw(st.sampled_from([SyncMode.AUTO, SyncMode.AUTO, SyncMode.MANUAL, SyncMode.OBSERVE])),
        guard=DeletionGuard(
            max_objects=draw(st.integers(0, 8)),
            max_percent=draw(st.integers(0, 100)),
            protected_kinds=draw(st.sampled_from([(), ("PersistentVolumeClaim", "Namespace")])),
        ),
        application_deleting=draw(st.integers(0, 8)) == 0,
        agent_namespace=draw(st.sampled_from(["", "bank"])),
    )
    return World(tuple(objects), seen(*there, complete=draw(st.integers(0, 7)) > 0, cannot_see=blind), policy)


def deleted(made: Plan, kind: ActionKind = ActionKind.DELETE) -> Sequence[ObjectKey]:
    return [action.key for action in made.actions if action.kind is kind]


@given(worlds())
def test_the_second_plan_after_an_execution_has_nothing_to_write(world: World) -> None:
    first = world.plan()
    if first is None or first.verdict.held:
        return
    second = World(world.objects, executed(first, world.snapshot), world.policy).plan()
    # Deletions only: what a namespace held is gone now, so it may follow.
    assert second is not None
    assert {write.key.kind for write in second.writes} <= {"Namespace"}
    third = World(world.objects, executed(second, executed(first, world.snapshot)), world.policy).plan()
    assert third is not None
    assert third.verdict.held or third.writes == ()


@given(worlds())
def test_the_guard_is_never_exceeded_without_approval(world: World) -> None:
    result = world.plan()
    if result is None:
        return
    guard = world.policy.guard
    owned = sum(value.owner == APP for value in world.snapshot.objects.values())
    gone = deleted(result)
    assert len(gone) <= max(guard.max_objects, guard.max_percent * owned / 100)
    assert not {value.kind for value in gone} & {*guard.protected_kinds, "Namespace", "CustomResourceDefinition"}


@given(worlds())
def test_a_held_plan_does_nothing_but_repair_drift(world: World) -> None:
    result = world.plan()
    if result is not None and result.verdict.held:
        assert all(write.drift for write in result.writes)


@given(worlds(), st.booleans())
def test_nothing_foreign_is_ever_deleted_even_with_approval(world: World, counted: bool) -> None:  # noqa: FBT001 - drawn
    result = world.plan()
    if result is None:
        return
    dependants = {manifest: Dependants() for manifest in result.uncounted} if counted else {}
    approved = plan(wanted(*world.objects), world.snapshot, replace(world.policy, approved=result.hash), dependants=dependants)
    declared = {manifest.key for manifest in wanted(*world.objects).manifests}
    for manifest in deleted(approved):
        there = world.snapshot.objects[manifest]
        assert there.owner == APP
        assert not any((there.controlled, there.prune_disabled, there.deleting))
        assert world.policy.application_deleting or (manifest not in declared and world.policy.prune)
        assert not (manifest.kind == "Namespace" and manifest.name == world.policy.agent_namespace)


@given(worlds())
def test_what_cannot_be_seen_is_never_deleted_even_with_approval(world: World) -> None:
    result = world.plan()
    if result is None:
        return
    approved = world.plan(approved=result.hash)
    assert approved is not None
    if not world.snapshot.complete:
        assert deleted(approved) == []
    assert not {key.group_kind for key in deleted(approved)} & set(world.snapshot.cannot_see)


@given(worlds())
def test_no_namespace_goes_that_holds_what_stays(world: World) -> None:
    result = world.plan()
    if result is None:
        return
    approved = world.plan(approved=result.hash)
    assert approved is not None
    gone = set(deleted(approved))
    leaving = gone | {value.key for value in world.snapshot.objects.values() if value.deleting}
    for value in gone:
        if value.kind == "Namespace":
            mine = {key for key, there in world.snapshot.objects.items() if there.owner == APP and key.namespace == value.name}
            assert mine <= leaving


@given(worlds(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_anything(world: World, shuffle: random.Random) -> None:
    objects, there = list(world.objects), list(world.snapshot.objects.items())
    shuffle.shuffle(objects)
    shuffle.shuffle(there)
    mixed = World(tuple(objects), replace(world.snapshot, objects=dict(there)), world.policy)
    first, second = world.plan(), mixed.plan()
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.hash == second.hash
        assert [(action.kind, action.key) for action in first.actions] == [
            (action.kind, action.key) for action in second.actions
        ]
        assert first.edges == second.edges


@given(worlds())
def test_drift_never_changes_the_hash(world: World) -> None:
    calm = {key: replace(there, projection="calm", undeclared=()) for key, there in world.snapshot.objects.items()}
    first, second = world.plan(), World(world.objects, replace(world.snapshot, objects=calm), world.policy).plan()
    if first is not None and second is not None:
        assert first.hash == second.hash


@given(worlds())
def test_every_object_has_exactly_one_action_and_comes_after_what_it_waits_for(world: World) -> None:
    result = world.plan()
    if result is None:
        return
    keys = [action.key for action in result.actions]
    assert len(keys) == len(set(keys))
    position = {action: index for index, action in enumerate(keys)}
    for action, edges in result.edges.edges.items():
        assert all(position.get(edge.before, -1) < position.get(action, len(keys)) for edge in edges)
