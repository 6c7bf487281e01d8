"""Health of a custom kind by the administrator's expressions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from gitops_agent.errors import AgentError
from tests.agent.cluster_env import ClusterEnv
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
PHASE = "status.?phase.orValue('') == '{}'"


@pytest.fixture
def world(start: Callable[..., ClusterEnv], namespace: str) -> Iterator[ClusterEnv]:
    """An agent with expressions for the kind Widget."""
    expression = {"apiVersion": f"{namespace}.example.com/v1", "kind": "Widget"}
    expression |= {"current": PHASE.format("Up"), "failed": "status.phase == 'Broken'"}
    world = start(health={"expressions": [expression]})
    yield world
    with contextlib.suppress(AgentError):
        world.person.request(
            "DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{namespace}.example.com"
        )


def definition(group: str) -> str:
    return (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        f"metadata: {{name: widgets.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n"
        "  names: {kind: Widget, plural: widgets, singular: widget}\n"
        "  versions:\n  - name: v1\n    served: true\n    storage: true\n"
        "    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n"
    )


def test_the_health_of_an_application_follows_the_expressions(world: ClusterEnv, namespace: str) -> None:
    group = f"{namespace}.example.com"
    widget = f"apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: one}}\n"
    world.commit({"shop/crd.yaml": definition(group), "shop/widget.yaml": widget})
    world.create("shop")

    def health() -> str:
        return str((world.status("shop").get("health") or {}).get("status"))

    world.until(lambda: 'key not found in map: "phase"' in str(world.status("shop")), "the expression that fails is reported")
    assert health() == "Unknown"
    for phase, status in (("Making", "Progressing"), ("Broken", "Degraded"), ("Up", "Healthy")):
        world.edit("one", {"status": {"phase": phase}}, kind="Widget", group=group)
        eventually(partial(_is, health, status), what=f"{phase} is {status}")


def _is(health: Callable[[], str], status: str) -> bool:
    return health() == status
