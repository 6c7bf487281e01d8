from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.plan_walker import PlanWalker
from gitops_agent.sync.ordering.order import Edge, Graph, Until, barrier
from gitops_agent.sync.planning.plan import Plan
from tests.sync.samples import APP, REVISION, creations, deletions, key, thing

A, B, C, D = (key("ConfigMap", name) for name in "abcd")


def made(actions: Sequence[Action], edges: Mapping[ObjectKey, Sequence[Edge]]) -> Plan:
    graph = Graph(edges={object_key: tuple(some) for object_key, some in edges.items()})
    return Plan(application=APP, revision=REVISION, actions=tuple(actions), edges=graph, hash="h")


def creating(*names: str) -> list[Action]:
    return creations([thing("ConfigMap", name) for name in names])


def never(_: ObjectKey, __: Until) -> bool:
    return False


def after(before: ObjectKey, until: Until = Until.APPLIED) -> Edge:
    return Edge(before, until, "one before the other")


def everything(course: PlanWalker) -> list[ObjectKey]:
    """Does all ready actions, in the order they are yielded."""
    order = []
    while (action := course.next()) is not None:
        order.append(action.key)
        course.done(action.key)
    return order


def test_without_edges_everything_may_be_done_at_once() -> None:
    course = PlanWalker(made(creating("a", "b", "c"), {}), never)
    assert [action.key for action in (course.next(), course.next(), course.next()) if action] == [A, B, C]
    assert course.next() is None


def test_the_later_one_comes_after_the_earlier_one_is_done() -> None:
    course = PlanWalker(made(creating("a", "b"), {A: [after(B)]}), never)
    first = course.next()
    assert first is not None
    assert (first.key, course.next()) == (B, None)
    course.done(B)
    assert everything(course) == [A]


def test_nothing_waits_for_the_health_of_the_application_itself() -> None:
    itself = ObjectKey.of(thing("Application", APP.name, namespace=APP.namespace))
    plan = made([*creations([thing("Application", APP.name, namespace=APP.namespace)]), *creating("a")], {A: []})
    waits = replace(plan, edges=Graph(edges={A: (after(itself, Until.HEALTHY),)}))
    assert everything(PlanWalker(waits, never)) == [itself, A]


def test_what_waits_for_a_failure_is_not_done_and_says_so() -> None:
    course = PlanWalker(made(creating("a", "b"), {B: [after(A)]}), never)
    assert course.next() is not None
    course.left(A, parked=False)
    assert everything(course) == []
    (waiting,) = course.waiting()
    assert (waiting.key, waiting.on, waiting.until) == (B, A, Until.APPLIED)
    assert waiting.why == f"{A} (one before the other, and it failed)"


def test_a_half_done_replacement_waits_for_itself() -> None:
    course = PlanWalker(made(creating("a", "b"), {B: [after(A)]}), never)
    assert course.next() is not None
    course.left(A, parked=True)
    assert [(waiting.key, waiting.on, waiting.until) for waiting in course.waiting()] == [
        (A, A, Until.GONE),
        (B, A, Until.APPLIED),
    ]


def test_applied_is_not_healthy() -> None:
    ready: set[ObjectKey] = set()
    course = PlanWalker(made(creating("a", "b"), {B: [after(A, Until.HEALTHY)]}), lambda object_key, _: object_key in ready)
    assert everything(course) == [A]
    assert not course.recheck()
    ready.add(A)
    assert course.recheck()
    assert everything(course) == [B]


def test_an_object_outside_of_the_plan_is_asked_about() -> None:
    plan = made(creating("b"), {B: [after(A, Until.ACTIVE)]})
    assert everything(PlanWalker(plan, never)) == []
    assert everything(PlanWalker(plan, lambda object_key, until: (object_key, until) == (A, Until.ACTIVE))) == [B]


def test_an_unchanged_object_counts_as_applied_but_is_asked_about_its_health() -> None:
    unchanged = replace(creating("a")[0], kind=ActionKind.UNCHANGED)
    applied = made([unchanged, *creating("b")], {B: [after(A)]})
    assert everything(PlanWalker(applied, never)) == [B]
    healthy = made([unchanged, *creating("b")], {B: [after(A, Until.HEALTHY)]})
    assert everything(PlanWalker(healthy, never)) == []


def test_no_object_waits_for_a_skipped_one() -> None:
    skipped = replace(creating("a")[0], kind=ActionKind.SKIP)
    assert everything(PlanWalker(made([skipped, *creating("b")], {B: [after(A, Until.HEALTHY)]}), never)) == [B]


def test_what_is_held_lets_nothing_pass_that_needs_it() -> None:
    held = replace(creating("a")[0], kind=ActionKind.HOLD)
    assert everything(PlanWalker(made([held, *creating("b")], {B: [after(A)]}), lambda *_: True)) == []


def test_a_barrier_opens_when_all_before_it_are_done() -> None:
    gate = barrier("applied")
    edges = {gate: [after(A), after(B)], C: [after(gate)], D: [after(gate)]}
    course = PlanWalker(made([*creating("a", "b"), *deletions(C, D)], edges), never)
    assert [action.key for action in (course.next(), course.next()) if action] == [A, B]
    course.done(A)
    assert course.next() is None
    course.done(B)
    assert everything(course) == [C, D]


def test_a_closed_barrier_names_the_object_that_keeps_it_closed() -> None:
    gate = barrier("applied")
    course = PlanWalker(made([*creating("a"), *deletions(C)], {gate: [after(A)], C: [after(gate)]}), never)
    assert course.next() is not None
    course.left(A, parked=False)
    assert [(waiting.key, waiting.on) for waiting in course.waiting()] == [(C, A)]


def test_a_deletion_is_over_when_the_object_is_gone_and_not_when_it_was_asked_for() -> None:
    gone: set[ObjectKey] = set()
    course = PlanWalker(made(deletions(A, B), {B: [after(A, Until.GONE)]}), lambda object_key, _: object_key in gone)
    assert everything(course) == [A]
    assert [waiting.until for waiting in course.waiting()] == [Until.GONE]
    gone.add(A)
    assert course.recheck()
    assert everything(course) == [B]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40), st.sets(st.integers(0, 11)))
def test_nothing_is_done_before_what_it_waits_for_and_everything_is_accounted_for(
    pairs: list[tuple[int, int]], failing: set[int]
) -> None:
    names = [f"n{number:02}" for number in range(12)]
    keys = [key("ConfigMap", name) for name in names]
    edges: dict[ObjectKey, list[Edge]] = {}
    for first, second in pairs:
        if first < second:
            edges.setdefault(keys[second], []).append(after(keys[first]))
    course = PlanWalker(made(creating(*names), edges), lambda *_: True)
    done: list[ObjectKey] = []
    failed = {keys[number] for number in failing}
    tried = set()
    while (action := course.next()) is not None:
        tried.add(action.key)
        assert all(edge.before in done for edge in edges.get(action.key, []))
        if action.key in failed:
            course.left(action.key, parked=False)
        else:
            done.append(action.key)
            course.done(action.key)
    assert tried | {waiting.key for waiting in course.waiting()} == set(keys)
    assert not tried & {waiting.key for waiting in course.waiting()}
