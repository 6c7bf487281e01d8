from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import Secrets
from gitops_agent.errors import Invalid, NotFound
from tests.cluster.wire import Script, Wire

Start = Callable[[Script], Wire]


@pytest.mark.cluster
def test_the_data_of_a_secret_is_decoded(objects: Objects, namespace: str) -> None:
    meta = {"name": "git", "namespace": namespace}
    objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"username": "me", "password": "ü"}})

    assert Secrets(objects.transport).read(namespace, "git").data == {"username": b"me", "password": "ü".encode()}


@pytest.mark.cluster
def test_a_secret_without_data_is_empty(objects: Objects, namespace: str) -> None:
    objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git", "namespace": namespace}})

    assert Secrets(objects.transport).read(namespace, "git").data == {}


@pytest.mark.cluster
def test_a_missing_secret_is_not_found(objects: Objects, namespace: str) -> None:
    with pytest.raises(NotFound):
        Secrets(objects.transport).read(namespace, "git")


def test_a_damaged_secret_is_invalid_and_not_quoted(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.json({"data": {"password": "hunter2!"}})).transport(tmp_path)
    with pytest.raises(Invalid, match="Secret:shop/git is damaged") as caught:
        Secrets(transport).read("shop", "git")

    assert "hunter2" not in str(caught.value)
