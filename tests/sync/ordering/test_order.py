from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sync.action import Action, ActionKind, PlanError
from gitops_agent.sync.ordering.order import Gate, Graph, Until, graph, is_barrier, ordered
from tests.sync.samples import crd, creations, deletions, key, live_of, thing, workload


def names(actions: tuple[Action, ...]) -> list[str]:
    return [f"{action.kind.value} {action.key.kind} {action.key.name}" for action in actions]


def changed(action: Action, kind: ActionKind, *, drift: bool = False) -> Action:
    assert action.manifest is not None
    intent = kind if kind is ActionKind.UNCHANGED else ActionKind.UPDATE
    return replace(action, kind=kind, intent=intent, live=live_of(action.manifest), drift=drift)


DEPENDENT = workload("Deployment", "web", annotations={"gitops-agent.dev/depends-on": "StatefulSet:db,apps/StatefulSet:db"})


def test_actions_come_in_an_order_that_satisfies_the_edges() -> None:
    actions = creations(
        [
            workload("Deployment", "web", serviceAccountName="runner"),
            thing("ServiceAccount", "runner"),
            thing("Widget", "one"),
            crd(),
            thing("Namespace", "shop"),
        ],
    )
    assert names(ordered(actions, graph(actions))) == [
        "create Namespace shop",
        "create ServiceAccount runner",
        "create CustomResourceDefinition widgets.example.com",
        "create Deployment web",
        "create Widget one",
    ]


def test_deletions_come_last_and_in_reverse() -> None:
    gone = deletions(key("Namespace", "old"), key("ConfigMap", "old"), key("Deployment", "old"))
    actions = [*gone, *creations([thing("ConfigMap", "new")])]
    assert names(ordered(actions, graph(actions))) == [
        "create ConfigMap new",
        "delete Deployment old",
        "delete ConfigMap old",
        "delete Namespace old",
    ]


def test_deletions_that_need_not_wait_for_each_other_go_in_reverse_order_of_kinds() -> None:
    gone = deletions(key("ServiceAccount", "old"), key("RoleBinding", "old"), key("ConfigMap", "old"), key("Ingress", "old"))

    assert [action.key.kind for action in ordered(gone, graph(gone))] == [
        "Ingress",
        "RoleBinding",
        "ConfigMap",
        "ServiceAccount",
    ]


def test_the_order_does_not_depend_on_the_order_of_the_input() -> None:
    actions = creations([thing(kind, name) for kind in ("Widget", "Secret", "Role", "Service") for name in "abc"])
    expected = ordered(actions, graph(actions))
    assert ordered(actions[::-1], graph(actions[::-1])) == expected


def test_nothing_to_do_needs_no_graph() -> None:
    actions = [changed(creation, ActionKind.UNCHANGED) for creation in creations([crd(), thing("Widget", "one")])]
    assert graph(actions) == Graph()


def test_an_unchanged_object_waits_for_nothing_and_is_not_waited_for_to_be_applied() -> None:
    account, web = creations([thing("ServiceAccount", "runner"), workload("Deployment", "web", serviceAccountName="runner")])
    if account.key.kind != "ServiceAccount":
        account, web = web, account
    assert graph([changed(account, ActionKind.UNCHANGED), web]).before(web.key) == ()
    assert graph([account, changed(web, ActionKind.UNCHANGED)]).before(web.key) == ()
    assert [edge.before for edge in graph([account, web]).before(web.key)] == [account.key]


def test_an_unchanged_object_is_still_waited_for_to_be_healthy() -> None:
    actions = {creation.key.kind: creation for creation in creations([DEPENDENT, workload("StatefulSet", "db")])}
    edges = graph([actions["Deployment"], changed(actions["StatefulSet"], ActionKind.UNCHANGED)])
    assert [(edge.before.name, edge.until) for edge in edges.before(key("Deployment", "web"))] == [("db", Until.HEALTHY)]


def test_drift_that_is_left_alone_is_not_waited_for_to_be_applied() -> None:
    objects = [thing("ServiceAccount", "runner"), workload("Deployment", "web", serviceAccountName="runner")]
    actions = {creation.key.kind: creation for creation in creations(objects)}
    left = changed(actions["ServiceAccount"], ActionKind.SKIP, drift=True)

    assert graph([left, actions["Deployment"]]).before(key("Deployment", "web")) == ()


@pytest.mark.parametrize(("there", "awaited"), [(True, ["db"]), (False, [])])
def test_a_skipped_object_is_waited_for_to_be_healthy_only_where_it_is_live(*, there: bool, awaited: list[str]) -> None:
    actions = {creation.key.kind: creation for creation in creations([DEPENDENT, workload("StatefulSet", "db")])}
    database = changed(actions["StatefulSet"], ActionKind.SKIP)
    skipped = replace(database, intent=ActionKind.SKIP, live=database.live if there else None)

    edges = graph([actions["Deployment"], skipped])

    assert [edge.before.name for edge in edges.before(key("Deployment", "web"))] == awaited


def test_a_repair_of_drift_does_not_wait_for_health() -> None:
    actions = {creation.key.kind: creation for creation in creations([DEPENDENT, workload("StatefulSet", "db")])}
    drifted = changed(actions["Deployment"], ActionKind.UPDATE, drift=True)
    assert graph([drifted, changed(actions["StatefulSet"], ActionKind.UNCHANGED)]).before(drifted.key) == ()


def test_two_objects_that_depend_on_each_other_are_refused_with_the_circle() -> None:
    a = thing("ConfigMap", "a", annotations={"gitops-agent.dev/depends-on": "ConfigMap:shop/b"})
    b = thing("ConfigMap", "b", annotations={"gitops-agent.dev/depends-on": "ConfigMap:shop/a"})
    with pytest.raises(PlanError, match="ConfigMap:shop/a → ConfigMap:shop/b → ConfigMap:shop/a"):
        graph(creations([a, b]))


def test_an_object_that_depends_on_itself_is_refused() -> None:
    a = thing("ConfigMap", "a", annotations={"gitops-agent.dev/depends-on": "ConfigMap:shop/a"})
    with pytest.raises(PlanError, match="ConfigMap:shop/a → ConfigMap:shop/a"):
        graph(creations([a]))


def test_a_binding_of_a_later_wave_gives_way_instead_of_closing_a_circle() -> None:
    binding = thing("RoleBinding", "b", roleRef={}, subjects=[{"kind": "ServiceAccount", "name": "default"}])
    early = workload("Deployment", "web", annotations={"gitops-agent.dev/wave": "-1"})
    edges = graph(creations([binding, early]))
    gate = Gate(edges, lambda *_: False)
    assert gate.blocked(key("Deployment", "web")) is None
    assert gate.blocked(key("RoleBinding", "b")) is not None


@st.composite
def applications(draw: st.DrawFn) -> list[Object]:
    """Objects with waves and acyclic dependencies."""
    count = draw(st.integers(1, 12))
    numbers = draw(st.lists(st.integers(-2, 2), min_size=count, max_size=count).map(sorted))
    objects = []
    for index, number in enumerate(numbers):
        annotations = {"gitops-agent.dev/wave": str(number)}
        if index and draw(st.booleans()):
            annotations["gitops-agent.dev/depends-on"] = f"Deployment:shop/{index}"
        pods = {"serviceAccountName": f"s{draw(st.integers(0, 3))}"}
        objects.append(workload("Deployment", f"{index:02}", annotations=annotations, **pods))
    objects += [thing("ServiceAccount", f"s{number}") for number in range(draw(st.integers(0, 4)))]
    objects += [thing("Namespace", "shop"), crd(), thing("Widget", "one")]
    return objects


@given(applications(), st.randoms(use_true_random=False))
def test_every_order_is_topological_and_complete(objects: list[Object], shuffle: random.Random) -> None:
    actions = [
        *creations(objects),
        *deletions(*(key("ConfigMap", f"old{number}") for number in range(3)), key("Namespace", "old")),
    ]
    shuffle.shuffle(actions)
    edges = graph(actions)
    result = ordered(actions, edges)
    assert sorted(action.key for action in result) == sorted(action.key for action in actions)
    position = {action.key: index for index, action in enumerate(result)}

    def latest(object_key: ObjectKey) -> int:
        """The last position among what must come before, barriers looked through."""
        before = [edge.before for edge in edges.before(object_key)]
        return max((latest(other) if is_barrier(other) else position[other] for other in before), default=-1)

    assert all(latest(object_key) < index for object_key, index in position.items())


def leaving(*names: tuple[str, str]) -> list[Action]:
    """Deletions that were sent, while the objects are still there."""
    gone = deletions(*(key(kind, name) for kind, name in names))
    return [replace(action, kind=ActionKind.WAIT, reason="Terminating") for action in gone]


def test_what_is_terminating_is_waited_for_until_it_is_gone() -> None:
    account = key("ServiceAccount", "runner")
    plan = graph([*leaving(("Pod", "worker")), *deletions(account)])

    edge = Gate(plan, lambda *_: False).blocked(account)

    assert edge is not None
    assert (edge.before, edge.until) == (key("Pod", "worker"), Until.GONE)


def test_a_terminating_custom_resource_keeps_its_operator() -> None:
    operator, definition = key("Deployment", "operator"), key("CustomResourceDefinition", "widgets.example.com")
    plan = graph([*leaving(("Widget", "one")), *deletions(operator, definition)])

    blocked = [Gate(plan, lambda *_: False).blocked(object_key) for object_key in (operator, definition)]

    assert [edge and edge.before for edge in blocked] == [key("Widget", "one")] * 2
