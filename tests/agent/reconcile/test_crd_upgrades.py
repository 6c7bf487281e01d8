"""CRD upgrades that would break objects, on a real API server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from gitops_agent.errors import AgentError
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map

pytestmark = pytest.mark.cluster


@pytest.fixture
def group(world: ClusterEnv) -> Iterator[str]:
    """An API group of the test's own."""
    name = f"{world.namespace}.example.com"
    yield name
    with contextlib.suppress(AgentError):
        world.person.request("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{name}")


def definition(group: str, *, scope: str = "Namespaced", storage: str = "v1", **served: bool) -> str:
    versions = "".join(
        f"  - name: {name}\n    served: {str(serves).lower()}\n    storage: {str(name == storage).lower()}\n"
        "    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n"
        for name, serves in served.items()
    )
    return (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        f"metadata: {{name: widgets.{group}}}\nspec:\n  group: {group}\n  scope: {scope}\n"
        "  names: {kind: Widget, plural: widgets, singular: widget}\n"
        f"  versions:\n{versions}"
    )


def widget(group: str, version: str) -> str:
    return f"apiVersion: {group}/{version}\nkind: Widget\nmetadata: {{name: one}}\n"


def files(group: str, crd: str, version: str = "v1", colour: str = "red") -> dict[str, str]:
    return {
        "shop/crd.yaml": crd,
        "shop/one.yaml": config_map("one", colour=colour),
        "desk/widget.yaml": widget(group, version),
    }


def installed(world: ClusterEnv, group: str) -> None:
    """Applies a definition with `shop`, and an object of it with `desk`."""
    commit = world.commit(files(group, definition(group, v1=True, v2=True)))
    world.create("shop")
    world.create("desk")
    world.await_synced("shop", commit)
    world.await_synced("desk", commit)


def test_a_version_that_another_application_uses_stays_served_until_that_has_moved(world: ClusterEnv, group: str) -> None:
    installed(world, group)

    world.commit(files(group, definition(group, v1=False, v2=True), colour="blue"))
    message = world.await_reason("shop", "CRDUpgradeRefused")
    assert f"does not serve {group}/v1, which is used by Application desk; it serves v2" in message
    assert world.data("one") == {"colour": "red"}, "nothing of the commit is applied"

    commit = world.commit(files(group, definition(group, v1=False, v2=True), version="v2", colour="blue"))
    world.await_synced("desk", commit)
    world.await_synced("shop", commit)
    assert world.data("one") == {"colour": "blue"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"v2": True, "storage": "v2"}, "storedVersions"),
        ({"v1": True, "v2": True, "scope": "Cluster"}, "scope"),
    ],
    ids=["a stored version is dropped", "the scope changes"],
)
def test_what_the_api_server_refuses_is_known_before_anything_is_applied(
    world: ClusterEnv, group: str, change: dict[str, object], words: str
) -> None:
    installed(world, group)

    world.commit(files(group, definition(group, **change), version="v2", colour="blue"))  # type: ignore[arg-type]

    world.until(lambda: world.ready("shop")[1] in ("Immutable", "Invalid", "PreflightFailed"), f"{world.ready('shop')}")
    assert words in world.says("shop")
    assert world.data("one") == {"colour": "red"}, "nothing of the commit is applied"
