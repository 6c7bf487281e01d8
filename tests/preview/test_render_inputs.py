from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.api.application import Application
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import RenderError
from gitops_agent.preview.render_inputs import variables_of
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.agent.samples import application

pytestmark = pytest.mark.cluster


@pytest.fixture
def access(control_plane: ControlPlane, namespace: str) -> Iterator[ClusterClient]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    discovery = Discovery(transport)
    objects = Objects(transport, discovery)
    metadata = {"namespace": namespace}
    config = {"data": {"CITY": "Köln"}, "binaryData": {"raw": "/w=="}}
    objects.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site", **metadata}, **config})
    secret = {"stringData": {"PASSWORD": "hunter22"}}
    objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vault", **metadata}, **secret})
    yield ClusterClient(transport, discovery, objects, namespace)
    transport.close()


def shop(namespace: str, *sources: dict[str, Any], **values: Any) -> Application:
    return application("shop", namespace=namespace, render={"variables": {"from": list(sources), "values": values}})


def test_variables_are_read_as_the_caller(access: ClusterClient, namespace: str) -> None:
    sources = ({"kind": "ConfigMap", "name": "site"}, {"kind": "Secret", "name": "vault"})

    variables = variables_of(access, shop(namespace, *sources, SIZE=3))

    assert [(variable.name, variable.value, variable.secret) for variable in variables] == [
        ("CITY", "Köln", False),
        ("PASSWORD", "hunter22", True),
        ("SIZE", 3, False),
    ]


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_what_is_missing_is_said_unless_it_is_optional(access: ClusterClient, namespace: str, kind: str) -> None:
    source = {"kind": kind, "name": "absent"}

    assert variables_of(access, shop(namespace, source | {"optional": True})) == ()
    with pytest.raises(RenderError, match=f"there is no {kind} {namespace}/absent") as missing:
        variables_of(access, shop(namespace, source))
    assert missing.value.reason == "VariableSourceMissing"


def test_an_application_without_variables_has_none(access: ClusterClient, namespace: str) -> None:
    assert variables_of(access, application("shop", namespace=namespace)) == ()
