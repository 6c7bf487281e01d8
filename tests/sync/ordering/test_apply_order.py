from __future__ import annotations

from collections.abc import Callable

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sync.ordering.apply_order import apply_edges
from gitops_agent.sync.ordering.graph import Gate, Graph, Until, is_barrier
from tests.sync.samples import crd, key, thing, wanted, workload


def waits(*objects: Object) -> Callable[[ObjectKey], set[tuple[str, str]]]:
    """What an object waits for, barriers looked through, as (printed key, until)."""
    edges = apply_edges(wanted(*objects).manifests)

    def of(object_key: ObjectKey) -> set[tuple[str, str]]:
        dependencies: set[tuple[str, str]] = set()
        for edge in edges.get(object_key, ()):
            dependencies |= of(edge.before) if is_barrier(edge.before) else {(str(edge.before), edge.until.value)}
        return dependencies

    return of


def webhook(service: str = "hooks") -> Object:
    client = {"service": {"name": service, "namespace": "shop"}}
    return thing("ValidatingWebhookConfiguration", "checks", webhooks=[{"name": "x", "clientConfig": client}])


def test_a_custom_resource_waits_until_its_crd_is_established() -> None:
    assert waits(crd(), thing("Widget", "one"))(key("Widget", "one")) == {
        ("apiextensions.k8s.io/CustomResourceDefinition:widgets.example.com", "established"),
    }


def test_contents_wait_until_their_namespace_is_active() -> None:
    of = waits(thing("Namespace", "shop"), thing("ConfigMap", "web"), thing("ConfigMap", "far", namespace="bank"))
    assert of(key("ConfigMap", "web")) == {("Namespace:shop", "active")}
    assert of(key("ConfigMap", "far", "bank")) == set()


def test_only_objects_of_the_plan_are_waited_for() -> None:
    assert waits(workload("Deployment", "web", serviceAccountName="elsewhere"))(key("Deployment", "web")) == set()


def test_workloads_wait_for_their_account_and_its_rbac() -> None:
    subject = {"kind": "ServiceAccount", "name": "runner"}
    of = waits(
        thing("ServiceAccount", "runner"),
        thing("Role", "r"),
        thing("RoleBinding", "b", roleRef={"kind": "Role", "name": "r"}, subjects=[subject]),
        workload("Deployment", "web", serviceAccountName="runner"),
        workload("Deployment", "other"),
    )
    assert of(key("Deployment", "web")) == {
        ("ServiceAccount:shop/runner", "applied"),
        ("rbac.authorization.k8s.io/RoleBinding:shop/b", "applied"),
    }
    assert of(key("RoleBinding", "b")) == {
        ("ServiceAccount:shop/runner", "applied"),
        ("rbac.authorization.k8s.io/Role:shop/r", "applied"),
    }
    assert of(key("Deployment", "other")) == set()


def test_workloads_wait_for_quotas_of_their_namespace() -> None:
    of = waits(thing("ResourceQuota", "q"), workload("Deployment", "web"), workload("Deployment", "far", namespace="bank"))
    assert of(key("Deployment", "web")) == {("ResourceQuota:shop/q", "applied")}
    assert of(key("Deployment", "far", "bank")) == set()


def test_a_webhook_configuration_waits_for_its_service_and_the_workload_behind_it() -> None:
    of = waits(
        webhook(),
        thing("Service", "hooks", spec={"selector": {"app": "operator"}}),
        workload("Deployment", "operator"),
        workload("Deployment", "web"),
    )
    assert of(key("ValidatingWebhookConfiguration", "checks")) == {
        ("Service:shop/hooks", "healthy"),
        ("apps/Deployment:shop/operator", "healthy"),
    }


def test_an_api_service_waits_for_its_backend_and_its_objects_for_it() -> None:
    spec = {"group": "example.com", "version": "v1", "service": {"name": "api", "namespace": "shop"}}
    of = waits(thing("APIService", "v1.example.com", spec=spec), thing("Service", "api"), thing("Widget", "one"))
    assert of(key("APIService", "v1.example.com")) == {("Service:shop/api", "healthy")}
    assert of(key("Widget", "one")) == {("apiregistration.k8s.io/APIService:v1.example.com", "healthy")}


def test_depends_on_waits_for_health() -> None:
    of = waits(
        workload("Deployment", "web", annotations={"gitops-agent.dev/depends-on": "apps/StatefulSet:shop/db"}),
        workload("StatefulSet", "db"),
    )
    assert of(key("Deployment", "web")) == {("apps/StatefulSet:shop/db", "healthy")}


def test_no_object_waits_for_an_ignored_health() -> None:
    of = waits(
        workload("Deployment", "web", annotations={"gitops-agent.dev/depends-on": "apps/StatefulSet:shop/db"}),
        workload("StatefulSet", "db", annotations={"gitops-agent.dev/ignore-health": "true"}),
    )
    assert of(key("Deployment", "web")) == {("apps/StatefulSet:shop/db", "applied")}


def wave(name: str, number: int) -> Object:
    return thing("ConfigMap", name, annotations={"argocd.argoproj.io/sync-wave": str(number)})


def test_a_wave_waits_until_all_lower_ones_are_healthy() -> None:
    of = waits(wave("first", -1), wave("second", 0), wave("third", 5), wave("fourth", 5))
    assert of(key("ConfigMap", "first")) == set()
    assert of(key("ConfigMap", "second")) == {("ConfigMap:shop/first", "healthy")}
    assert of(key("ConfigMap", "third")) == {("ConfigMap:shop/first", "healthy"), ("ConfigMap:shop/second", "healthy")}


def test_one_wave_alone_needs_no_barrier() -> None:
    assert apply_edges(wanted(wave("a", 3), wave("b", 3)).manifests) == {}


def test_what_an_early_object_cannot_do_without_comes_early_too() -> None:
    early = {"argocd.argoproj.io/sync-wave": "-1"}
    of = waits(
        thing("Namespace", "shop"),
        thing("Secret", "key"),
        workload("Job", "migrate", annotations=early, volumes=[{"name": "k", "secret": {"secretName": "key"}}]),
        thing("ConfigMap", "web"),
    )
    assert of(key("Secret", "key")) == {("Namespace:shop", "active")}
    assert ("batch/Job:shop/migrate", "healthy") in of(key("ConfigMap", "web"))


def test_waves_need_few_edges() -> None:
    objects = [wave(f"{number}-{index}", number) for number in range(4) for index in range(250)]
    edges = apply_edges(wanted(*objects).manifests)
    assert sum(map(len, edges.values())) < 2000


def test_many_workloads_and_bindings_of_one_account_need_few_edges() -> None:
    subject = {"kind": "ServiceAccount", "name": "default"}
    bindings = [thing("RoleBinding", str(n), roleRef={"kind": "Role", "name": "r"}, subjects=[subject]) for n in range(200)]
    workloads = [workload("Deployment", str(n)) for n in range(200)]
    edges = apply_edges(wanted(*bindings, *workloads).manifests)
    assert sum(map(len, edges.values())) < 1000


def test_a_gate_opens_wave_after_wave() -> None:
    edges = apply_edges(wanted(wave("a", 0), wave("b", 1), wave("c", 2)).manifests)
    graph = Graph(edges={object_key: tuple(targets) for object_key, targets in edges.items()})
    done: set[ObjectKey] = set()
    opened = []
    gate = Gate(graph, lambda object_key, until: object_key in done and until is Until.HEALTHY)
    for name in ("a", "b", "c"):
        opened.append([other for other in "abc" if gate.blocked(key("ConfigMap", other)) is None])
        done.add(key("ConfigMap", name))
    assert opened == [["a"], ["a", "b"], ["a", "b", "c"]]


def test_only_workloads_wait_for_the_limits_of_their_namespace() -> None:
    of = waits(thing("ResourceQuota", "small"), thing("ConfigMap", "web"), workload("Deployment", "web"))

    assert of(key("Deployment", "web")) == {("ResourceQuota:shop/small", "applied")}
    assert of(key("ConfigMap", "web")) == set()
