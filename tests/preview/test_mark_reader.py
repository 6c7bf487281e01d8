from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import marked
from gitops_agent.preview.mark_reader import MarkReader
from gitops_agent.preview.pruning import departure, prune_application
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.agent.samples import application_object

pytestmark = pytest.mark.cluster
KEY = b"k" * 32
APPLICATION = application_object("shop")
UID = str(APPLICATION["metadata"]["uid"])


@pytest.fixture
def access(control_plane: ControlPlane, namespace: str) -> Iterator[ClusterClient]:
    client = ClusterClient.open(str(control_plane.kubeconfig), None, namespace)
    yield client
    client.transport.close()


def install(access: ClusterClient, key: bytes) -> None:
    data = {"key": base64.b64encode(key).decode()} if key else {}
    metadata = {"namespace": access.namespace, "name": MARK_KEY}
    access.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def create(access: ClusterClient, name: str, *, uid: str = "") -> Object:
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": access.namespace}}
    shop = AppKey(access.namespace, "shop")
    seal = MarkAuthority(KEY).seal(ObjectKey.of(obj), shop, uid)
    return access.objects.apply(marked(obj, application=shop, digest="d", revision="r", seal=seal))


def owners(access: ClusterClient, *objects: Object) -> dict[str, bool]:
    return {live.key.name: live.owner is not None for live in MarkReader(access).observed(objects, UID)}


def test_only_marks_with_a_seal_of_this_application_bind(access: ClusterClient) -> None:
    install(access, KEY)
    objects = [create(access, "sealed", uid=UID), create(access, "forged"), create(access, "earlier", uid="another")]

    assert owners(access, *objects) == {"sealed": True, "forged": False, "earlier": False}


@pytest.mark.parametrize("installed", [True, False])
def test_an_installation_without_a_key_takes_marks_at_their_word(access: ClusterClient, *, installed: bool) -> None:
    if installed:
        install(access, b"")

    assert owners(access, create(access, "unsealed")) == {"unsealed": True}
    assert MarkReader(access).problem == ""


def test_where_the_key_cannot_be_read_nothing_is_deleted(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "nowhere.kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n"
        "clusters: [{name: nowhere, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: nobody, user: {token: none}}]\n"
        "contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]\n"
    )
    access = ClusterClient.open(str(kubeconfig), None, "gitops-system")

    assert MarkReader(access).problem
    with pytest.raises(AgentError, match="marks cannot be verified, so nothing is deleted"):
        list(prune_application(access, APPLICATION, deadline=time.monotonic() + 30))


def test_a_deletion_of_the_command_leaves_objects_with_forged_marks(access: ClusterClient) -> None:
    install(access, KEY)
    sealed, forged = create(access, "sealed", uid=UID), create(access, "forged")

    raw = application_object("shop", namespace=access.namespace)
    list(prune_application(access, raw, deadline=time.monotonic() + 30))

    assert access.objects.get(ObjectKey.of(forged))
    with pytest.raises(AgentError):
        access.objects.get(ObjectKey.of(sealed))


def test_the_preview_of_a_deletion_keeps_what_carries_no_valid_seal_of_this_application(access: ClusterClient) -> None:
    install(access, KEY)
    sealed = ObjectKey.of(create(access, "sealed", uid=UID))
    others = {ObjectKey.of(create(access, "forged")), ObjectKey.of(create(access, "earlier", uid="another"))}

    plan = departure(access, application_object("shop", namespace=access.namespace), MarkReader(access))

    assert [action.key for action in plan.changes()] == [sealed]
    assert {action.key: action.reason for action in plan.actions if not action.writes} == dict.fromkeys(
        others, "MarkUnverified"
    )
