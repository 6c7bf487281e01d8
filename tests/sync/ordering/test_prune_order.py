from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.ordering.apply_order import Edges
from gitops_agent.sync.ordering.cycles import break_cycles
from gitops_agent.sync.ordering.graph import is_barrier
from gitops_agent.sync.ordering.prune_order import prune_edges
from tests.sync.samples import key

NAMESPACE = key("Namespace", "shop")
CRD = key("CustomResourceDefinition", "widgets.example.com")
RESOURCE = key("Widget", "one")
OPERATOR = key("Deployment", "operator")
SERVICE = key("Service", "hooks")
WEBHOOK = key("ValidatingWebhookConfiguration", "checks")
ACCOUNT = key("ServiceAccount", "operator")
ROLE = key("ClusterRole", "operator")
INGRESS = key("Ingress", "web")
EVERYTHING = [NAMESPACE, CRD, RESOURCE, OPERATOR, SERVICE, WEBHOOK, ACCOUNT, ROLE, INGRESS]


def before(edges: Edges, object_key: ObjectKey) -> set[ObjectKey]:
    """Everything that must be gone or applied before, barriers looked through."""
    dependencies: set[ObjectKey] = set()
    for edge in edges.get(object_key, ()):
        dependencies |= before(edges, edge.before) if is_barrier(edge.before) else {edge.before}
    return dependencies


def test_custom_resources_go_before_callers_operator_access_and_crd() -> None:
    edges = prune_edges(EVERYTHING, applied=(), groups={"example.com"})
    assert before(edges, RESOURCE) == set()
    assert before(edges, WEBHOOK) == {RESOURCE}
    assert before(edges, OPERATOR) == {RESOURCE, WEBHOOK}
    assert before(edges, SERVICE) == before(edges, ACCOUNT) == before(edges, ROLE) == {RESOURCE, WEBHOOK, OPERATOR}
    assert before(edges, CRD) == {RESOURCE, WEBHOOK, OPERATOR}
    assert before(edges, NAMESPACE) == {*EVERYTHING} - {NAMESPACE}


def test_resources_of_a_foreign_crd_hold_nothing_up() -> None:
    assert before(prune_edges(EVERYTHING, applied=(), groups=()), OPERATOR) == {WEBHOOK}


def test_workloads_of_another_namespace_hold_nothing_up() -> None:
    far = key("Deployment", "far", "bank")
    assert before(prune_edges([far, ACCOUNT, ROLE], applied=(), groups=()), ACCOUNT) == set()
    assert before(prune_edges([far, ACCOUNT, ROLE], applied=(), groups=()), ROLE) == {far}


def test_every_deletion_comes_after_everything_that_is_applied() -> None:
    applied = [key("ConfigMap", "new"), key("Deployment", "new")]
    edges = prune_edges(EVERYTHING, applied=applied, groups={"example.com"})
    assert all(before(edges, object_key) >= set(applied) for object_key in EVERYTHING)


def test_waves_go_the_other_way_round() -> None:
    a, b, c = (key("ConfigMap", name) for name in "abc")
    edges = prune_edges([a, b, c], applied=(), groups=(), waves={a: -1, c: 5})
    assert (before(edges, c), before(edges, b), before(edges, a)) == (set(), {c}, {b, c})


def test_what_is_used_outlives_its_users_whatever_its_wave() -> None:
    pod = key("Pod", "web")
    edges = prune_edges([pod, ACCOUNT, INGRESS], applied=(), groups=(), waves={ACCOUNT: 9, INGRESS: 5})
    assert before(edges, ACCOUNT) >= {pod}
    assert before(edges, pod) == {INGRESS}
    assert before(edges, INGRESS) == set()


@given(st.lists(st.tuples(st.sampled_from(EVERYTHING), st.integers(-2, 2)), max_size=len(EVERYTHING)))
def test_waves_never_close_a_circle(some: list[tuple[ObjectKey, int]]) -> None:
    waves = dict(some)
    edges = prune_edges(list(waves), applied=(), groups={"example.com"}, waves=waves)
    assert break_cycles(edges) == {object_key: list(targets) for object_key, targets in edges.items()}


def test_without_deletions_there_is_nothing_to_wait_for() -> None:
    assert prune_edges([], applied=[OPERATOR], groups=()) == {}


def test_edges_grow_with_the_number_of_objects_only() -> None:
    many = [key(kind, str(number)) for kind in ("Widget", "Deployment", "ConfigMap") for number in range(300)]
    edges = prune_edges(many, applied=[key("Secret", str(number)) for number in range(300)], groups={"example.com"})
    assert sum(map(len, edges.values())) < 8000
