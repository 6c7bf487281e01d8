from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import CannotSee, NotFound, Unavailable, UnknownKind
from gitops_agent.manifest.key import ObjectKey
from tests.clock import Clock
from tests.cluster.crds import install, new_group, remove, served, widget_crd
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import eventually

Start = Callable[[Script], Wire]


def group(name: str, *kinds: str) -> dict[str, Any]:
    resources = [
        {"resource": f"{kind.lower()}s", "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": ["list"]}
        for kind in kinds
    ]
    return {"metadata": {"name": name}, "versions": [{"version": "v1", "freshness": "Current", "resources": resources}]}


class Kinds:
    """A server whose kinds can be changed."""

    def __init__(self, *groups: dict[str, Any]) -> None:
        self.groups = list(groups)
        self.down = False
        self.reads = 0

    def __call__(self, asked: Asked, line: Line) -> None:
        if self.down:
            line.refuse(503, "ServiceUnavailable")
            return
        if asked.path == "/apis":
            self.reads += 1
        line.json({"kind": "APIGroupDiscoveryList", "items": self.groups if asked.path == "/apis" else []})


def test_a_kind_that_is_known_is_not_asked_for_again(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("apps", "Deployment"))
    discovery = Discovery(wire(kinds).transport(tmp_path))
    for _ in range(10):
        discovery.find("apps", "Deployment")

    assert kinds.reads == 1


def test_an_unknown_kind_is_asked_for_once_a_second_at_most(wire: Start, tmp_path: Path) -> None:
    kinds, clock = Kinds(group("apps", "Deployment")), Clock(0.0)
    discovery = Discovery(wire(kinds).transport(tmp_path), clock=clock)
    reads = []
    for now in (0.0, 0.1, 0.9, 1.0, 1.5, 2.1):
        clock.now = now
        with pytest.raises(UnknownKind):
            discovery.find("example.com", "Widget")
        reads.append(kinds.reads)

    assert reads == [1, 1, 1, 2, 2, 3]


def test_an_unknown_kind_is_asked_for_right_after_its_group_was_invalidated(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("apps", "Deployment"))
    discovery = Discovery(wire(kinds).transport(tmp_path), clock=Clock())
    with pytest.raises(UnknownKind):
        discovery.find("example.com", "Widget")
    kinds.groups.append(group("example.com", "Widget"))
    discovery.invalidate("example.com")

    assert discovery.find("example.com", "Widget").plural == "widgets"


def test_invalidating_one_group_asks_nothing_for_another(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("apps", "Deployment"))
    discovery = Discovery(wire(kinds).transport(tmp_path))
    discovery.find("apps", "Deployment")
    discovery.invalidate("example.com")
    discovery.find("apps", "Deployment")

    assert kinds.reads == 1


def test_a_kind_that_went_away_is_unknown_after_invalidation(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("example.com", "Widget"))
    discovery = Discovery(wire(kinds).transport(tmp_path))
    discovery.find("example.com", "Widget")
    kinds.groups.clear()
    discovery.invalidate()
    with pytest.raises(UnknownKind):
        discovery.find("example.com", "Widget")


def test_what_was_known_stays_known_while_the_server_is_down(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("apps", "Deployment"))
    discovery = Discovery(wire(kinds).transport(tmp_path))
    discovery.find("apps", "Deployment")
    kinds.down = True
    discovery.invalidate()

    assert discovery.find("apps", "Deployment").plural == "deployments"
    kinds.down = False
    kinds.groups.clear()
    with pytest.raises(UnknownKind):
        discovery.find("apps", "Deployment")


def test_a_server_that_is_down_makes_no_kind_unknown(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("apps", "Deployment"))
    clock = Clock()
    discovery = Discovery(wire(kinds).transport(tmp_path), clock=clock)
    discovery.find("apps", "Deployment")
    kinds.down = True
    clock.now += 5
    with pytest.raises(Unavailable):
        discovery.find("example.com", "Widget")


def test_many_threads_that_miss_a_kind_ask_once(wire: Start, tmp_path: Path) -> None:
    kinds = Kinds(group("apps", "Deployment"))
    discovery = Discovery(wire(kinds).transport(tmp_path), clock=Clock())
    plurals: list[str] = []
    threads = [threading.Thread(target=lambda: plurals.append(discovery.find("apps", "Deployment").plural)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (plurals, kinds.reads) == (["deployments"] * 8, 1)


def test_the_versions_a_kind_is_served_in_are_reported(wire: Start, tmp_path: Path) -> None:
    discovery = Discovery(wire(Kinds(group("apps", "Deployment"))).transport(tmp_path))
    with pytest.raises(UnknownKind, match=r"no apps/Deployment in version v1beta1 \(it is served as v1\)"):
        discovery.find("apps", "Deployment", "v1beta1")


def test_an_unknown_kind_is_named_with_what_was_probably_meant_or_with_its_missing_crd(wire: Start, tmp_path: Path) -> None:
    discovery = Discovery(wire(Kinds(group("apps", "Deployment"))).transport(tmp_path))

    with pytest.raises(UnknownKind, match=r"no apps/Deploymnet in version v1; did you mean apps/v1 Deployment\?$"):
        discovery.find("apps", "Deploymnet", "v1")
    with pytest.raises(UnknownKind, match=r"no example\.com/Widget in version v1: its CRD is not installed$"):
        discovery.find("example.com", "Widget", "v1")


def test_a_name_that_is_mistyped_gets_a_suggestion(wire: Start, tmp_path: Path) -> None:
    discovery = Discovery(wire(Kinds(group("apps", "Deployment"))).transport(tmp_path))
    with pytest.raises(UnknownKind, match=r"did you mean deployments\.apps\?"):
        discovery.lookup("deploymets")


def test_a_blind_group_is_no_unknown_kind(wire: Start, tmp_path: Path) -> None:
    stale = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]}
    discovery = Discovery(wire(Kinds(stale, group("apps", "Deployment"))).transport(tmp_path))
    with pytest.raises(CannotSee, match=r"metrics\.k8s\.io/NodeMetrics cannot be seen: the API server behind"):
        discovery.find("metrics.k8s.io", "NodeMetrics")

    assert discovery.find("apps", "Deployment").plural == "deployments"
    assert set(discovery.blind()) == {"metrics.k8s.io"}


@pytest.mark.cluster
def test_the_kinds_of_a_real_server_are_found_by_every_name(discovery: Discovery) -> None:
    assert discovery.lookup("deploy").full_name == "deployments.apps"
    assert discovery.lookup("deployments.apps").full_name == "deployments.apps"
    assert discovery.lookup("Deployment").full_name == "deployments.apps"
    assert discovery.lookup("events").full_name == "events"
    assert discovery.find("autoscaling", "HorizontalPodAutoscaler").version == "v2"
    assert not discovery.find("", "Namespace").namespaced
    assert {"ConfigMap", "Secret", "Pod"} <= {kind.kind for kind in discovery.kinds()}


@pytest.mark.cluster
def test_both_forms_of_discovery_agree_about_a_real_server(transport: Transport, discovery: Discovery) -> None:
    resource = discovery.find("apps", "Deployment")
    listed = transport.request("GET", "/apis/apps/v1")["resources"]
    plain = next(item for item in listed if item["name"] == "deployments")

    assert resource.verbs == frozenset(plain["verbs"])
    assert (resource.singular, list(resource.short_names), resource.namespaced) == ("deployment", plain["shortNames"], True)


@pytest.mark.cluster
def test_a_new_kind_is_found_once_it_is_established(objects: Objects, discovery: Discovery) -> None:
    name = new_group()
    with pytest.raises(UnknownKind):
        discovery.find(name, "Widget")
    objects.apply(widget_crd(name))
    key = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", f"widgets.{name}")

    def established() -> bool:
        conditions = objects.get(key).get("status", {}).get("conditions", [])
        return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)

    try:
        eventually(established)
        # Nothing but a miss makes discovery ask again.
        eventually(lambda: served(discovery, name), every=0.1)
    finally:
        remove(objects, name)


@pytest.mark.cluster
def test_a_deleted_kind_is_unknown_soon(objects: Objects, discovery: Discovery) -> None:
    name = new_group()
    install(objects, discovery, name)
    remove(objects, name)

    eventually(lambda: served(discovery, name) is None)


@pytest.fixture
def dead_api(transport: Transport) -> Iterator[str]:
    """The group of an aggregated API whose server does not exist."""
    name = new_group()
    spec = {
        "group": name,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "nobody"},
    }
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1.{name}"}, "spec": spec}
    transport.request("POST", path, body=body)
    yield name
    try:
        transport.request("DELETE", f"{path}/v1.{name}")
    except NotFound:
        return


@pytest.mark.cluster
def test_a_dead_aggregated_api_cannot_be_seen_and_hides_nothing_else(discovery: Discovery, dead_api: str) -> None:
    def blind() -> bool:
        discovery.invalidate(dead_api)
        try:
            discovery.find(dead_api, "Thing")
        except UnknownKind:
            return False
        except CannotSee:
            return True
        return False

    eventually(blind)

    assert discovery.find("apps", "Deployment").plural == "deployments"
    assert dead_api in discovery.blind()
    assert all(kind.group != dead_api for kind in discovery.kinds())
