from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitops_agent.agent.stores.live_objects import LiveObjectInformer
from gitops_agent.agent.work_queue import Priority
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import FIELD_MANAGER, ID, marked
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.sync.live.live_object import observe
from gitops_agent.sync.live.live_state import LiveState
from tests.acceptance.proxy import Fault, Proxy
from tests.cluster.crds import install, new_group, remove, served, widget, widget_crd
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.cluster
CONFIG_MAP, SECRET = GroupKind("", "ConfigMap"), GroupKind("", "Secret")


class Stand:
    """The watches of one agent, and the applications they woke."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self.discovery = Discovery(transport)
        self.live = LiveState()
        self.wakes: list[tuple[AppKey, str, Priority]] = []
        self.shop, self.desk = AppKey(namespace, "shop"), AppKey(namespace, "desk")
        objects = Objects(transport, self.discovery)
        self.observing = LiveObjectInformer(objects, self.live, lambda *news: self.wakes.append(news))

    def start(self) -> None:
        self.observing.start()
        self.await_complete()

    def await_complete(self) -> None:
        eventually(lambda: self.live.complete, what="the sweep is over")

    def listed(self, kind: GroupKind, application: AppKey) -> None:
        """Asks for a kind and waits for its first list."""
        self.observing.ensure({kind}, application)
        assert self.observing._informers[kind].synced(LIMIT_SECONDS), f"{kind} is listed"

    def reasons(self, application: AppKey) -> list[str]:
        return [why for who, why, _ in self.wakes if who == application]


Make = Callable[..., Stand]


@pytest.fixture
def make(transport: Transport, namespace: str) -> Iterator[Make]:
    with ExitStack() as stack:

        def do(through: Transport = transport) -> Stand:
            stand = Stand(through, namespace)
            stack.callback(stand.observing.stop)
            return stand

        yield do


@dataclass(frozen=True)
class Held:
    """A transport to the API server; every list waits for `release`."""

    transport: Transport
    release: threading.Event


@contextmanager
def holding(control_plane: ControlPlane, file: Path, token: str) -> Iterator[Held]:
    release = threading.Event()

    def wait() -> None:
        release.wait(LIMIT_SECONDS)

    with Proxy(control_plane) as proxy:
        proxy.rule = lambda call: Fault(before=wait) if call.listing else None
        authority = control_plane.authority
        kubeconfig = write_kubeconfig(file, server=proxy.url, authority=authority, user="held", token=token)
        transport = Transport.from_kubeconfig(kubeconfig)
        yield Held(transport, release)
        release.set()
        transport.close()


@pytest.fixture
def held(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Held]:
    with holding(control_plane, tmp_path / "held", control_plane.token) as held:
        yield held


@pytest.fixture
def stand(make: Make) -> Stand:
    return make()


def ours(namespace: str, name: str, kind: str = "ConfigMap", *, application: str = "shop", **body: object) -> Object:
    """An object that bears the marks of an application in `namespace`."""
    obj = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **body}
    return marked(obj, application=AppKey(namespace, application), digest="d", revision="r")


def config_map(namespace: str, name: str) -> ObjectKey:
    return ObjectKey("", "ConfigMap", namespace, name)


def test_the_sweep_finds_our_objects_in_kinds_that_no_application_declares(
    stand: Stand, objects: Objects, namespace: str
) -> None:
    objects.apply(ours(namespace, "one"))
    objects.apply(ours(namespace, "two", "ServiceAccount"))
    objects.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign", "namespace": namespace}})

    stand.start()

    assert {key.name for key in stand.live.of(stand.shop)} == {"one", "two"}
    assert stand.live.get(config_map(namespace, "foreign")) is None


def test_a_copied_label_makes_nothing_ours(stand: Stand, objects: Objects, namespace: str) -> None:
    copied = ours(namespace, "one")
    copied["metadata"]["name"] = "copy"
    objects.apply(copied)
    objects.apply(ours(namespace, "two"))

    stand.start()

    assert {key.name for key in stand.live.of(stand.shop)} == {"two"}


def test_the_sweep_finds_a_kind_whose_only_object_of_ours_has_a_damaged_mark(
    stand: Stand, objects: Objects, namespace: str
) -> None:
    torn = ours(namespace, "torn", "Secret")
    torn["metadata"]["annotations"][ID] = "damaged"
    objects.apply(torn, field_manager=FIELD_MANAGER)
    stand.start()
    live_objects = stand.live.snapshot(stand.shop).objects
    assert [(str(key), live.owner) for key, live in live_objects.items()] == [(f"Secret:{namespace}/torn", None)]


def test_custom_resources_are_swept_over_too(stand: Stand, objects: Objects, discovery: Discovery, namespace: str) -> None:
    group = new_group()
    objects.apply(widget_crd(group))
    eventually(lambda: served(discovery, group))
    try:
        objects.apply(marked(widget(group, namespace), application=stand.shop, digest="d", revision="r"))

        stand.start()

        assert {key.group for key in stand.live.of(stand.shop)} == {group}
    finally:
        stand.observing.stop()
        remove(objects, group)


def test_nothing_is_known_to_be_complete_before_every_list_has_arrived(stand: Stand) -> None:
    assert not stand.observing.complete(stand.shop)
    assert not stand.live.complete

    stand.start()

    eventually(lambda: stand.reasons(stand.shop) == ["every kind has been listed"])
    assert stand.observing.complete(stand.shop)


def test_a_kind_that_is_declared_is_watched_and_its_first_list_reported(held: Held, make: Make) -> None:
    stand = make(held.transport)
    assert stand.observing.ensure({CONFIG_MAP, SECRET}, stand.shop) == (CONFIG_MAP, SECRET)

    held.release.set()
    eventually(lambda: sorted(stand.reasons(stand.shop)) == ["ConfigMap was listed", "Secret was listed"])
    assert stand.observing.ensure({CONFIG_MAP, SECRET}, stand.shop) == ()


def test_a_kind_is_watched_once_however_many_declare_it(stand: Stand) -> None:
    stand.listed(CONFIG_MAP, stand.shop)

    assert stand.observing.ensure({CONFIG_MAP}, stand.desk) == ()
    assert stand.observing.watched() == 1


def test_a_change_wakes_the_owner(stand: Stand, objects: Objects, namespace: str) -> None:
    stand.listed(CONFIG_MAP, stand.shop)
    stand.wakes.clear()

    config_map = objects.apply(ours(namespace, "one", data={"a": "1"}))
    eventually(lambda: stand.reasons(stand.shop))
    objects.delete(ObjectKey.of(config_map), uid=config_map["metadata"]["uid"])
    eventually(lambda: stand.reasons(stand.shop)[-1] == f"ConfigMap:{namespace}/one removed")

    # Other tests share the cluster: only events of this namespace count.
    wakes = [(who, priority) for who, _, priority in stand.wakes if who.namespace == namespace]
    assert set(wakes) == {(stand.shop, Priority.DRIFT)}
    assert stand.reasons(stand.shop)[0] == f"ConfigMap:{namespace}/one added"


def test_an_object_whose_marks_are_removed_wakes_its_last_owner(stand: Stand, objects: Objects, namespace: str) -> None:
    config_map = objects.apply(ours(namespace, "one"))
    stand.listed(CONFIG_MAP, stand.shop)
    eventually(lambda: stand.live.of(stand.shop))
    stand.wakes.clear()

    objects.merge_patch(ObjectKey.of(config_map), {"metadata": {"labels": {"gitops-agent.dev/application": None}}})

    eventually(lambda: stand.reasons(stand.shop) == [f"ConfigMap:{namespace}/one removed"])
    assert stand.live.of(stand.shop) == {}


def test_a_kind_that_is_gone_is_watched_only_as_long_as_it_is_declared(
    stand: Stand, objects: Objects, discovery: Discovery
) -> None:
    group = new_group()
    kind = GroupKind(group, "Widget")
    install(objects, discovery, group)
    stand.start()
    stand.listed(kind, stand.shop)
    stand.listed(CONFIG_MAP, stand.desk)

    remove(objects, group)
    eventually(lambda: kind in stand.observing._unserved, what="the kind is known to be gone")
    assert kind in stand.observing._informers, "shop still declares it"

    informer = stand.observing._informers[kind]
    stand.observing.ensure({CONFIG_MAP}, stand.shop)
    assert kind not in stand.observing._informers
    assert informer.watch is not None
    thread = informer.watch._thread
    eventually(lambda: not thread.is_alive(), what="the watch has ended")

    install(objects, stand.discovery, group)
    stand.listed(kind, stand.desk)
    remove(objects, group)
    eventually(lambda: kind in stand.observing._unserved, what="the kind is known to be gone again")
    stand.observing.forget(stand.desk)
    assert kind not in stand.observing._informers


def test_an_unknown_kind_is_left_out(stand: Stand) -> None:
    unknown = GroupKind(f"g{uuid.uuid4().hex[:8]}.example.com", "Widget")

    assert stand.observing.ensure({unknown}, stand.shop) == ()
    assert stand.live.cannot_see == {}


@pytest.fixture
def restricted(control_plane: ControlPlane, objects: Objects, namespace: str) -> Iterator[Transport]:
    """An account that may see ConfigMaps and nothing else."""
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    name = f"observer-{namespace}"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    created = [objects.apply({**rbac, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    binding = {**rbac, "kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    created.append(objects.apply(binding))
    transport = Transport.from_kubeconfig(control_plane.service_account_kubeconfig(namespace, "default"))

    def may_list() -> bool:
        transport.request("GET", "/api/v1/configmaps", query={"limit": "1"})
        return True

    eventually(may_list, what="the role is known")
    yield transport
    transport.close()
    for obj in created:
        objects.delete(ObjectKey.of(obj), uid=obj["metadata"]["uid"], propagation="Background")


def test_kinds_that_may_not_be_listed_are_unseen_and_not_empty(make: Make, restricted: Transport) -> None:
    stand = make(restricted)
    stand.start()

    assert SECRET in stand.live.cannot_see
    assert GroupKind("apps", "Deployment") in stand.live.cannot_see
    assert CONFIG_MAP not in stand.live.cannot_see


def test_a_sweep_that_fails_says_nothing_of_a_kind_that_is_watched(
    make: Make, control_plane: ControlPlane, tmp_path: Path
) -> None:
    with Proxy(control_plane) as proxy:
        authority, token = control_plane.authority, control_plane.token
        kubeconfig = write_kubeconfig(tmp_path / "it", server=proxy.url, authority=authority, user="admin", token=token)
        transport = Transport.from_kubeconfig(kubeconfig)
        stand = make(transport)
        stand.listed(CONFIG_MAP, stand.shop)
        refuses = Fault(status=403, reason="Forbidden")
        proxy.rule = lambda call: refuses if call.listing and call.path.endswith(("/configmaps", "/secrets")) else None

        stand.start()

        assert SECRET in stand.live.cannot_see
        assert CONFIG_MAP not in stand.live.cannot_see
        stand.observing.stop()
        transport.close()


def test_an_object_applied_while_a_list_was_on_its_way_stays_known(
    make: Make, control_plane: ControlPlane, objects: Objects, tmp_path: Path, namespace: str
) -> None:
    with Proxy(control_plane) as proxy:
        authority, token = control_plane.authority, control_plane.token
        kubeconfig = write_kubeconfig(tmp_path / "it", server=proxy.url, authority=authority, user="admin", token=token)
        transport = Transport.from_kubeconfig(kubeconfig)
        stand = make(transport)
        stand.listed(CONFIG_MAP, stand.shop)

        def apply() -> None:
            stand.live.applied(observe(objects.apply(ours(namespace, "one", data={"a": "1"}))), digest="d")

        # The server has forgotten where the watch stood; what it answers to the new list is older than the apply.
        watch = stand.observing._informers[CONFIG_MAP].watch
        assert watch is not None
        expired, slow = Fault(status=410, reason="Expired"), Fault(after=apply)
        script = [expired, slow]
        proxy.rule = lambda call: script.pop(0) if script and call.watch == (script[0] is expired) else None
        eventually(proxy.end_watches, what="its stream breaks")
        eventually(lambda: watch.streams >= 3, what="it watches again")
        objects.apply(ours(namespace, "marker"))
        eventually(lambda: stand.live.get(config_map(namespace, "marker")), what="the watch has caught up")

        assert stand.live.get(config_map(namespace, "one")) is not None
        apply()
        assert stand.live.get(config_map(namespace, "one")) is not None
        assert f"ConfigMap:{namespace}/one removed" not in stand.reasons(stand.shop)
        stand.observing.stop()
        transport.close()


@pytest.fixture
def held_and_restricted(control_plane: ControlPlane, restricted: Transport, namespace: str, tmp_path: Path) -> Iterator[Held]:
    token = control_plane.service_account_token(namespace, "default")
    with holding(control_plane, tmp_path / "held", token) as held:
        yield held


def test_an_application_that_declares_an_unseen_kind_is_woken(
    held_and_restricted: Held, make: Make, objects: Objects, namespace: str
) -> None:
    objects.apply(ours(namespace, "one"))
    stand = make(held_and_restricted.transport)
    stand.observing.ensure({SECRET, CONFIG_MAP}, stand.shop)
    held_and_restricted.release.set()

    eventually(lambda: "Secret cannot be listed" in stand.reasons(stand.shop))
    eventually(lambda: "ConfigMap was listed" in stand.reasons(stand.shop))
    assert stand.observing.ensure({SECRET, CONFIG_MAP}, stand.shop) == ()
    assert "Forbidden" in stand.live.cannot_see[SECRET] or "forbidden" in stand.live.cannot_see[SECRET]
    assert {key.name for key in stand.live.of(stand.shop)} == {"one"}


def test_a_reconcile_or_a_sweep_that_is_still_running_at_the_end_starts_no_watch(stand: Stand) -> None:
    stand.observing.stop()

    stand.observing.ensure({CONFIG_MAP}, stand.shop)

    assert stand.observing.watched() == 0


def test_the_sweep_waits_for_an_api_server_that_is_away_and_ends_with_the_process(make: Make, nowhere: Transport) -> None:
    stand = make(nowhere)
    stand.observing.start()
    assert not stand.observing.complete(stand.shop)

    stand.observing.stop()

    eventually(lambda: not stand.observing._sweeper.is_alive())
    assert not stand.live.complete
