"""The goldens against the real schemas, on a real API server.

The server is their own, since other tests install fewer schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from gitops_agent.sandbox.controlplane import ControlPlane
from tests.rollout.traffic.cases import NAMES, case
from tests.rollout.traffic.schemas import install
from tests.waiting import eventually


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane.start(tmp_path_factory.mktemp("schemas") / "plane", nodes=1, tied=True) as made:
        yield made


@pytest.mark.cluster
@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_valid(name: str, plane: ControlPlane) -> None:
    for obj in case(name).expected:
        plural = "ingresses" if obj["kind"] == "Ingress" else install(plane, obj["kind"])
        obj["metadata"]["namespace"] = "default"
        path = f"/apis/{obj['apiVersion']}/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"

        sent = eventually(partial(plane.request, "POST", path, obj))
        assert sent["kind"] == obj["kind"]
