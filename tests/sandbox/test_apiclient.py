from __future__ import annotations

import socket

import pytest

from gitops_agent.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from gitops_agent.sandbox.apiclient import ApiClient
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.ports import free_ports

pytestmark = pytest.mark.cluster


def test_json_is_parsed_and_text_is_text(control_plane: ControlPlane) -> None:
    assert control_plane.request("GET", "/version")["gitVersion"] == "v1.37.2"
    assert control_plane.request("GET", "/readyz") == "ok"


def test_refusals_are_distinguished(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    with pytest.raises(NotFound) as missing:
        control_plane.request("GET", f"{path}/pods/none")
    assert (missing.value.status, missing.value.code) == (404, "NotFound")
    with pytest.raises(Conflict):
        control_plane.request(
            "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "No Such Name"}}
    with pytest.raises(Invalid):
        control_plane.request("POST", f"{path}/configmaps", body)


def test_a_wrong_token_is_forbidden(control_plane: ControlPlane) -> None:
    client = ApiClient(control_plane.host, authority=control_plane.authority, token="wrong")
    with pytest.raises(Forbidden):
        client.request("GET", "/api/v1/nodes")


def test_no_answer_is_unavailable(control_plane: ControlPlane) -> None:
    client = ApiClient(f"https://127.0.0.1:{free_ports(1)[0]}", authority=control_plane.authority, token="x")
    with pytest.raises(Unavailable, match="no answer"):
        client.request("GET", "/version")


def test_a_connection_is_used_again_until_the_server_ends_it(control_plane: ControlPlane) -> None:
    client = ApiClient(control_plane.host, authority=control_plane.authority, token=control_plane.token)
    client.request("GET", "/version")
    (first,) = client._idle
    with pytest.raises(NotFound):
        client.request("GET", "/api/v1/nodes/none")
    assert list(client._idle) == [first]

    assert first.sock is not None
    first.sock.shutdown(socket.SHUT_RDWR)
    client.request("GET", "/version")
    (second,) = client._idle
    assert second is not first

    client.close()
    assert not client._idle
