from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.catalog import Catalog, Directory
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import Forbidden, Unavailable
from tests.cluster.wire import Asked, Line, Script, Wire

Start = Callable[[Script], Wire]


def resource(group: str, kind: str, version: str = "v1", *short: str) -> Resource:
    plural = f"{kind.lower()}s"
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        namespaced=True,
        verbs=frozenset({"list"}),
        singular=kind.lower(),
        short_names=short,
    )


EVENT, OTHER_EVENT = resource("", "Event"), resource("events.k8s.io", "Event")
DEPLOYMENT, OLD_DEPLOYMENT = resource("apps", "Deployment", "v1", "deploy"), resource("apps", "Deployment", "v1beta1", "deploy")
DEPLOY = resource("odd.example.com", "Deploy")
CATALOG = Catalog(resources=(EVENT, OTHER_EVENT, DEPLOYMENT, OLD_DEPLOYMENT))


def test_the_preferred_version_is_found_unless_one_is_named() -> None:
    assert CATALOG.find("apps", "Deployment") == DEPLOYMENT
    assert CATALOG.find("apps", "Deployment", "v1beta1") == OLD_DEPLOYMENT
    assert CATALOG.find("apps", "Deployment", "v2") is None
    assert CATALOG.versions("apps", "Deployment") == ("v1", "v1beta1")


def test_every_kind_is_preferred_once() -> None:
    assert list(CATALOG.preferred()) == [EVENT, OTHER_EVENT, DEPLOYMENT]


@pytest.mark.parametrize("name", ["deploy", "deployment", "deployments", "Deployment", "deployments.apps", "DEPLOY.apps"])
def test_a_kind_is_found_by_what_people_type(name: str) -> None:
    assert CATALOG.lookup(name) == DEPLOYMENT


def test_the_core_group_wins_and_a_group_can_be_named() -> None:
    assert CATALOG.lookup("events") == EVENT
    assert CATALOG.lookup("events.events.k8s.io") == OTHER_EVENT


def test_a_full_name_wins_over_a_short_one() -> None:
    assert Catalog(resources=(DEPLOYMENT, DEPLOY)).lookup("deploy") == DEPLOY


def test_an_unknown_name_finds_nothing_but_its_neighbours() -> None:
    assert CATALOG.lookup("deploymnet") is None
    assert CATALOG.near("deploymnet") == ["deployments.apps"]


def test_a_mistyped_kind_has_neighbours_in_its_group_and_in_groups_that_are_confused_with_it() -> None:
    assert CATALOG.similar("apps", "Deploymnet") == ("apps/v1 Deployment",)
    assert CATALOG.similar("app", "Deployment") == ("apps/v1 Deployment",)
    assert CATALOG.similar("", "Deployment") == ("apps/v1 Deployment",)
    assert CATALOG.similar("argoproj.io", "Deployment") == ()
    assert CATALOG.similar("apps", "Widget") == ()


def item(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "namespaced": True, "verbs": ["list"], "singularName": kind.lower()} | more


OLD_SERVER: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {"name": "apps", "versions": [{"version": "v1beta1"}, {"version": "v1"}], "preferredVersion": {"version": "v1"}},
            {"name": "metrics.k8s.io", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
        ],
    },
    "/api/v1": {"resources": [item("pods", "Pod", shortNames=["po"]), item("pods/log", "Pod")]},
    "/apis/apps/v1": {"resources": [item("deployments", "Deployment")]},
    "/apis/apps/v1beta1": {"resources": [item("deployments", "Deployment"), item("scales", "Scale", verbs=[])]},
}


def old_server(asked: Asked, line: Line) -> None:
    """Speaks no aggregated discovery; one of its groups does not answer."""
    if asked.path in OLD_SERVER:
        line.json(OLD_SERVER[asked.path])
    else:
        line.refuse(503, "ServiceUnavailable")


def test_a_server_that_does_not_aggregate_is_asked_group_by_group(wire: Start, tmp_path: Path) -> None:
    catalog = Directory(wire(old_server).transport(tmp_path)).read()

    assert [(entry.api_version, entry.kind) for entry in catalog.resources] == [
        ("v1", "Pod"),
        ("apps/v1", "Deployment"),
        ("apps/v1beta1", "Deployment"),
    ]
    assert catalog.resources[0].short_names == ("po",)


def test_a_group_that_does_not_answer_is_blind_and_hides_no_other(wire: Start, tmp_path: Path) -> None:
    catalog = Directory(wire(old_server).transport(tmp_path)).read()

    assert dict(catalog.blind) == {"metrics.k8s.io": "the API server behind metrics.k8s.io/v1 does not answer"}


def test_an_unchanged_answer_is_not_sent_again(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        if asked.headers.get("if-none-match") == '"one"':
            line.text("", 304)
        else:
            line.json({"kind": "APIGroupDiscoveryList", "items": []}, etag='"one"')

    server = wire(script)
    directory = Directory(server.transport(tmp_path))

    assert directory.read() == directory.read()
    assert [asked.headers.get("if-none-match") for asked in server.asked] == [None, None, '"one"', '"one"']


def test_a_stale_version_is_blind(wire: Start, tmp_path: Path) -> None:
    stale = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale", "resources": []}]}
    server = wire(lambda _, line: line.json({"kind": "APIGroupDiscoveryList", "items": [stale]}))

    assert set(Directory(server.transport(tmp_path)).read().blind) == {"metrics.k8s.io"}


def test_no_list_of_groups_is_an_error(wire: Start, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        Directory(wire(lambda _, line: line.refuse(403, "Forbidden")).transport(tmp_path)).read()
    with pytest.raises(Unavailable):
        Directory(wire(lambda _, line: line.text("[")).transport(tmp_path)).read()
