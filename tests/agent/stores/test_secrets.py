from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator

import pytest

from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError, NotFound, SourceError
from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.clock import Clock
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


class Rotations(list[str]):
    """A listener that keeps the names of rotated Secrets."""

    def rotated(self, secret: str) -> None:
        self.append(secret)


@pytest.fixture
def rotated() -> Rotations:
    return Rotations()


@pytest.fixture
def secrets(transport: Transport, discovery: Discovery, rotated: Rotations) -> Iterator[SecretStore]:
    secrets = SecretStore(Objects(transport, discovery))
    secrets.subscribe(rotated)
    yield secrets
    secrets.stop()


def secret(namespace: str, name: str = "token", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data}


def test_a_secret_is_read_and_decoded(secrets: SecretStore, objects: Objects, namespace: str) -> None:
    objects.apply(secret(namespace, username="ada", password="ä"))

    assert secrets.read(namespace, "token").data == {"username": b"ada", "password": "ä".encode()}


def test_a_second_look_costs_no_request(secrets: SecretStore, objects: Objects, transport: Transport, namespace: str) -> None:
    objects.apply(secret(namespace, username="ada"))
    secrets.read(namespace, "token")
    eventually(lambda: secrets._watched[f"{namespace}/token"].informer.watch.streams)  # type: ignore[union-attr]
    before = transport.count

    for _ in range(20):
        secrets.read(namespace, "token")

    assert transport.count == before


def test_a_rotation_is_observed_and_reported(
    secrets: SecretStore, objects: Objects, namespace: str, rotated: Rotations
) -> None:
    objects.apply(secret(namespace, username="ada"))
    secrets.read(namespace, "token")
    assert rotated == []

    objects.apply(secret(namespace, username="eve"))

    eventually(lambda: secrets.read(namespace, "token").data == {"username": b"eve"})
    eventually(lambda: rotated == [f"{namespace}/token"])


def test_another_secret_is_not_listened_to(secrets: SecretStore, objects: Objects, namespace: str, rotated: Rotations) -> None:
    objects.apply(secret(namespace, username="ada"))
    secrets.read(namespace, "token")

    objects.apply(secret(namespace, "another", username="eve"))
    objects.apply(secret(namespace, username="eve"))
    eventually(lambda: rotated)

    assert set(rotated) == {f"{namespace}/token"}


def test_a_secret_that_is_created_later_is_reported(
    secrets: SecretStore, objects: Objects, namespace: str, rotated: Rotations
) -> None:
    with pytest.raises(NotFound, match=f"no Secret {namespace}/token"):
        secrets.read(namespace, "token")

    objects.apply(secret(namespace, username="ada"))

    eventually(lambda: rotated == [f"{namespace}/token"])
    assert secrets.read(namespace, "token").data == {"username": b"ada"}


def test_a_secret_that_goes_is_not_there_any_more(secrets: SecretStore, objects: Objects, namespace: str) -> None:
    applied = objects.apply(secret(namespace, username="ada"))
    secrets.read(namespace, "token")

    objects.delete(ObjectKey.of(applied), uid=applied["metadata"]["uid"])

    def gone() -> bool:
        try:
            secrets.read(namespace, "token")
        except NotFound:
            return True
        return False

    eventually(gone)


def test_a_label_on_a_secret_is_no_rotation(secrets: SecretStore, objects: Objects, namespace: str, rotated: Rotations) -> None:
    applied = objects.apply(secret(namespace, username="ada"))
    secrets.read(namespace, "token")

    objects.merge_patch(ObjectKey.of(applied), {"metadata": {"labels": {"team": "shop"}}})
    objects.merge_patch(ObjectKey.of(applied), {"data": {"username": base64.b64encode(b"eve").decode()}})
    eventually(lambda: secrets.read(namespace, "token").data == {"username": b"eve"})

    assert rotated == [f"{namespace}/token"]


@pytest.fixture
def restricted(control_plane: ControlPlane, namespace: str) -> Iterator[Transport]:
    """A transport of an account that may read nothing."""
    transport = Transport.from_kubeconfig(control_plane.service_account_kubeconfig(namespace, "default"))
    yield transport
    transport.close()


def test_a_secret_that_may_not_be_read_is_reported_at_once(restricted: Transport, namespace: str) -> None:
    secrets = SecretStore(Objects(restricted, Discovery(restricted)))
    started = time.monotonic()

    for _ in range(3):
        with pytest.raises(SourceError) as caught:
            secrets.read(namespace, "token")
        assert caught.value.reason == "CannotSee"
        assert "Forbidden" in str(caught.value)

    assert time.monotonic() - started < 20
    secrets.stop()


def test_a_secret_that_becomes_readable_is_read(
    restricted: Transport, namespace: str, objects: Objects, rotated: Rotations, grant: Callable[[], None]
) -> None:
    objects.apply(secret(namespace, username="ada"))
    secrets = SecretStore(Objects(restricted, Discovery(restricted)))
    secrets.subscribe(rotated)
    with pytest.raises(SourceError):
        secrets.read(namespace, "token")

    grant()

    eventually(lambda: rotated == [f"{namespace}/token"])
    assert secrets.read(namespace, "token").data == {"username": b"ada"}
    secrets.stop()


@pytest.fixture
def grant(objects: Objects, namespace: str) -> Callable[[], None]:
    """Lets the restricted account read Secrets of its namespace."""

    def do() -> None:
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "reader", "namespace": namespace}}
        rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]
        objects.apply({**rbac, "kind": "Role", "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
        objects.apply({**rbac, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]})

    return do


def test_a_poll_that_is_still_running_at_the_end_starts_no_watch(transport: Transport, namespace: str) -> None:
    secrets = SecretStore(Objects(transport, Discovery(transport)))
    secrets.stop()

    with pytest.raises(SourceError, match="stopping"):
        secrets.read(namespace, "token")


def test_an_api_server_that_was_away_at_the_first_look_is_asked_again(
    transport: Transport, nowhere: Transport, objects: Objects, namespace: str
) -> None:
    objects.apply(secret(namespace, username="ada"))
    secrets = SecretStore(Objects(transport, Discovery(nowhere)))
    with pytest.raises(AgentError):
        secrets.read(namespace, "token")

    secrets._objects = Objects(transport, Discovery(transport))

    assert secrets.read(namespace, "token").data == {"username": b"ada"}
    secrets.stop()


def test_a_secret_goes_to_no_other_host_than_its_annotation_names(
    secrets: SecretStore, objects: Objects, namespace: str
) -> None:
    obj = secret(namespace, password="hidden")
    obj["metadata"]["annotations"] = {"gitops-agent.dev/allowed-hosts": "git.example.com, *.internal"}
    objects.apply(obj)

    assert secrets.git_credentials(namespace, "token", "Git.example.com") == {"password": b"hidden"}
    assert secrets.git_credentials(namespace, "token", "git.internal")
    for host in ("evil.example", "git.example.com.evil.example", ""):
        with pytest.raises(HostRefused, match="may not be sent to") as refused:
            secrets.git_credentials(namespace, "token", host)
        assert refused.value.reason == "SecretHostRefused"


def test_an_empty_annotation_names_no_host(secrets: SecretStore, objects: Objects, namespace: str) -> None:
    obj = secret(namespace, password="hidden")
    obj["metadata"]["annotations"] = {"gitops-agent.dev/allowed-hosts": ""}
    objects.apply(obj)

    with pytest.raises(HostRefused, match="allowed-hosts does not name it"):
        secrets.git_credentials(namespace, "token", "git.example.com")


def test_a_secret_for_any_use_comes_with_the_hosts_it_may_be_sent_to(
    secrets: SecretStore, objects: Objects, namespace: str
) -> None:
    obj = secret(namespace, password="hidden")
    objects.apply(obj)
    secrets.read(namespace, "token").hosts.check("anywhere.example")
    obj["metadata"]["annotations"] = {"gitops-agent.dev/allowed-hosts": "Metrics.example.com"}
    objects.apply(obj)
    eventually(lambda: secrets.read(namespace, "token").hosts.patterns == ("metrics.example.com",))

    secrets.read(namespace, "token").hosts.check("metrics.example.com")
    text = f"Secret {namespace}/token may not be sent to evil.example: its annotation gitops-agent.dev/allowed-hosts"
    with pytest.raises(HostRefused, match=text) as refused:
        secrets.read(namespace, "token").hosts.check("evil.example")
    assert refused.value.reason == "SecretHostRefused"


def test_the_setting_limits_the_hosts_of_every_secret(transport: Transport, discovery: Discovery, namespace: str) -> None:
    hosts = AllowedHosts.setting(("git.example.com",), name="source.allowedSecretHosts", subject="")
    limited = SecretStore(Objects(transport, discovery), hosts)
    Objects(transport, discovery).apply(secret(namespace, password="hidden"))
    try:
        assert limited.git_credentials(namespace, "token", "git.example.com")
        with pytest.raises(HostRefused, match="allowedSecretHosts"):
            limited.git_credentials(namespace, "token", "evil.example")
    finally:
        limited.stop()


def test_the_watch_of_a_secret_that_is_no_longer_read_ends(transport: Transport, discovery: Discovery, namespace: str) -> None:
    clock = Clock()
    objects = Objects(transport, discovery)
    secrets = SecretStore(objects, clock=clock)
    try:
        for name in ("old", "used"):
            objects.apply(secret(namespace, name, username="ada"))
            secrets.read(namespace, name)
        informer = secrets._watched[f"{namespace}/old"].informer
        clock.now += 3000
        secrets.read(namespace, "used")
        assert len(secrets._watched) == 2
        clock.now += 700
        secrets.read(namespace, "used")

        assert set(secrets._watched) == {f"{namespace}/used"}
        assert informer is not None
        assert secrets.read(namespace, "old").data == {"username": b"ada"}
    finally:
        secrets.stop()
