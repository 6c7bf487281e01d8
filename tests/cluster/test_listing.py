from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.listing import pages, read_list
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import CannotSee, Expired, Unavailable
from gitops_agent.manifest.key import Object
from tests.cluster.wire import Asked, Line, Script, Wire

Start = Callable[[Script], Wire]

CONFIGMAP = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True)


def page(*names: str, more: str = "", version: str = "7", **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "ConfigMapList",
        "metadata": {"resourceVersion": version, "continue": more, **metadata},
        "items": [{"metadata": {"name": name}} for name in names],
    }


def in_pages(*answers: dict[str, Any]) -> Script:
    """Answers the n-th page to the n-th continuation."""

    def script(asked: Asked, line: Line) -> None:
        line.json(answers[int(asked.query.get("continue", "0"))])

    return script


def test_all_pages_make_one_list_of_whole_objects(wire: Start, tmp_path: Path) -> None:
    server = wire(in_pages(page("a", "b", more="1"), page("c", more="2", version="9"), page()))
    listing = read_list(server.transport(tmp_path), CONFIGMAP)

    assert [item["metadata"]["name"] for item in listing.items] == ["a", "b", "c"]
    assert all((item["apiVersion"], item["kind"]) == ("v1", "ConfigMap") for item in listing.items)
    assert listing.resource_version == "7"


def test_selectors_and_the_page_size_are_sent(wire: Start, tmp_path: Path) -> None:
    server = wire(in_pages(page()))
    read_list(server.transport(tmp_path), CONFIGMAP, namespace="a", label_selector="x=y", field_selector="m=n", limit=3)

    assert server.asked[0].path == "/api/v1/namespaces/a/configmaps"
    assert server.asked[0].query == {"labelSelector": "x=y", "fieldSelector": "m=n", "limit": "3"}


def test_no_items_is_an_empty_list(wire: Start, tmp_path: Path) -> None:
    server = wire(in_pages({**page(), "items": None}))

    assert read_list(server.transport(tmp_path), CONFIGMAP).items == []


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "Status", "metadata": {"resourceVersion": "7"}, "items": []},
        {"kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}},
        {"kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}, "items": [None]},
        {"kind": "ConfigMapList", "metadata": {}, "items": []},
        {"kind": "ConfigMapList", "metadata": {"resourceVersion": "7", "remainingItemCount": 4}, "items": []},
        ["no", "object"],
    ],
)
def test_a_damaged_page_is_never_a_short_list(wire: Start, tmp_path: Path, broken: Any) -> None:
    for script in (in_pages(broken), in_pages(page("a", more="1"), broken)):
        with pytest.raises(CannotSee, match="the list of configmaps is damaged"):
            read_list(wire(script).transport(tmp_path), CONFIGMAP)


def test_a_page_that_is_no_json_is_never_a_short_list(wire: Start, tmp_path: Path) -> None:
    with pytest.raises(CannotSee):
        read_list(wire(lambda _, line: line.text('{"items": [')).transport(tmp_path), CONFIGMAP)


@pytest.mark.parametrize(("status", "kind"), [(410, Expired), (500, Unavailable), (504, Unavailable)])
def test_a_page_that_fails_fails_the_list(wire: Start, tmp_path: Path, status: int, kind: type[Exception]) -> None:
    def script(asked: Asked, line: Line) -> None:
        if "continue" in asked.query:
            line.refuse(status, "Sorry")
        else:
            line.json(page("a", more="1"))

    with pytest.raises(kind):
        read_list(wire(script).transport(tmp_path), CONFIGMAP)


def test_a_page_is_asked_for_only_when_it_is_wanted(wire: Start, tmp_path: Path) -> None:
    server = wire(in_pages(page("a", more="1"), page("b")))
    first = next(pages(server.transport(tmp_path), CONFIGMAP))

    assert (first.more, len(server.asked)) == (True, 1)


@pytest.mark.cluster
def test_a_real_list_is_whole_in_any_page_size(
    transport: Transport, objects: Objects, namespace: str, configmap: Callable[..., Object]
) -> None:
    for index in range(7):
        objects.apply(configmap(f"c{index}", part="page"))
    names = [
        [
            item["metadata"]["name"]
            for item in read_list(transport, CONFIGMAP, namespace=namespace, label_selector="part=page", limit=limit).items
        ]
        for limit in (1, 3, 7, 500)
    ]

    assert names == [[f"c{index}" for index in range(7)]] * 4
