"""The goldens against the real schemas on a real API server of their own, since other tests make do with fewer of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from gitops_agent.errors import Conflict
from gitops_agent.manifest.canonical import copy
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.rollout.traffic.cases import NAMES, case
from tests.rollout.traffic.schemas import schema
from tests.waiting import eventually

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane.start(tmp_path_factory.mktemp("schemas") / "plane", nodes=1, tied=True) as made:
        yield made


def install(plane: ControlPlane, kind: str) -> str:
    definition = copy(schema(kind))
    with contextlib.suppress(Conflict):
        plane.request("POST", DEFINITIONS, definition)

    def established() -> bool:
        found: dict[str, Any] = plane.request("GET", f"{DEFINITIONS}/{definition['metadata']['name']}")
        return any(each["type"] == "Established" and each["status"] == "True" for each in found["status"].get("conditions", []))

    eventually(established, seconds=30)
    return str(definition["spec"]["names"]["plural"])


@pytest.mark.cluster
@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_valid(name: str, plane: ControlPlane) -> None:
    for obj in case(name).expected:
        plural = "ingresses" if obj["kind"] == "Ingress" else install(plane, obj["kind"])
        obj["metadata"]["namespace"] = "default"
        path = f"/apis/{obj['apiVersion']}/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"

        sent = eventually(partial(plane.request, "POST", path, obj), seconds=20)
        assert sent["kind"] == obj["kind"]
