from __future__ import annotations

import pytest

from gitops_agent.api.crd import crds
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.waiting import eventually

APPLY = "application/apply-patch+yaml"
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def conditions(crd: Object) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in (crd.get("status") or {}).get("conditions", ())}


@pytest.fixture(scope="session")
def installed(control_plane: ControlPlane) -> list[Object]:
    """Our CRDs as the API server serves them."""
    names = [crd["metadata"]["name"] for crd in crds()]
    for crd in crds():
        query = "fieldManager=tests&force=true&fieldValidation=Strict"
        control_plane.request("PATCH", f"{PATH}/{crd['metadata']['name']}?{query}", crd, content_type=APPLY)

    def established() -> list[Object]:
        stored = [control_plane.request("GET", f"{PATH}/{name}") for name in names]
        return stored if all(conditions(crd).get("Established") == "True" for crd in stored) else []

    return eventually(established, what="the CRDs are Established")
