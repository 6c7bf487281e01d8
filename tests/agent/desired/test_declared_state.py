from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.desired.commit_verifier import CommitVerifier
from gitops_agent.agent.desired.declared_state import DeclaredState, DeclaredStateLoader
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import Priority, WorkQueue
from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.manifest.marks import owner
from gitops_agent.render.renderer import Renderer
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.sources import Repository, Sources
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.live.live_object import LiveObject, observe
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import EventLog, application, application_object, config_map, deployment, key
from tests.clock import Clock
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
SHOP, DESK = key("shop"), key("desk")


class Stand:
    """Everything between an Application and its D(t), polled by the test."""

    def __init__(self, *, sources: Sources, author: Author, transport: Transport, clock: Scheduler, scratch: Path) -> None:
        self.author = author
        self.looks: list[tuple[AppKey, str, Priority]] = []
        self.time = Clock()
        self.repositories: WorkQueue[Repository] = WorkQueue(clock=self.time)
        discovery = Discovery(transport)
        self.stores = build_stores(Objects(transport, discovery), WorkQueue())
        self.polling = SourcePoller(
            sources,
            self.stores.secrets,
            clock,
            self.repositories,
            wake=lambda *_: None,
            events=EventLog(),
        )
        self.rendering = RenderPool(Renderer(scratch=scratch), lambda *_: None, concurrency=1)
        self.signatures: WorkQueue[AppKey] = WorkQueue(clock=self.time)
        self.verifier = CommitVerifier(sources, self.stores.secrets, self.signatures, VerdictCache(), lambda *_: None)
        self.loader = DeclaredStateLoader(
            self.polling,
            self.rendering,
            discovery,
            self.stores,
            lambda *news: self.looks.append(news),
            verifier=self.verifier,
        )

    def declare(self, name: str = "shop", **options: Any) -> DeclaredState:
        return self.loader.load(application(name, url=self.author.repository.url, path=options.pop("path", name), **options))

    def poll(self, name: str = "shop") -> None:
        """Polls now, and whatever else is due."""
        self.polling.ask(key(name), "now")
        while (item := self.repositories.take(0)) is not None:
            self.polling.reconcile(item)
            self.repositories.done(item.key)

    def settled(self, name: str = "shop", **options: Any) -> DeclaredState:
        """Polls, and declares until nothing is under way."""
        self.declare(name, **options)
        self.poll(name)

        def known() -> bool:
            declared = self.declare(name, **options)
            return declared.claimed and not declared.pending

        eventually(known)
        return self.declare(name, **options)


@pytest.fixture
def early(sources: Sources, author: Author, transport: Transport, tmp_path: Path) -> Iterator[Stand]:
    """A stand that knows nothing of autoscalers yet."""
    clock = Scheduler()
    clock.start()
    stand = Stand(sources=sources, author=author, transport=transport, clock=clock, scratch=tmp_path / "scratch")
    yield stand
    stand.rendering.stop()
    stand.stores.informer.stop()
    clock.stop()


@pytest.fixture
def stand(early: Stand) -> Stand:
    early.stores.autoscalers.replace([], "1")
    return early


def contested(declared: DeclaredState) -> dict[str, AppKey]:
    assert declared.desired is not None
    return {str(key): holder for key, holder in declared.desired.contested.items()}


def names(declared: DeclaredState) -> set[str]:
    assert declared.desired is not None
    return {str(manifest.key) for manifest in declared.desired.manifests}


def test_each_step_that_is_under_way_is_said_and_not_waited_for(stand: Stand) -> None:
    commit = stand.author.commit({"shop/one.yaml": config_map("one")})

    assert stand.declare().pending == "the repository is being fetched for the first time"
    stand.poll()
    rendering = stand.declare()
    assert rendering.revision is not None
    assert (rendering.revision.commit, rendering.pending) == (commit, f"{commit[:12]} is being rendered")

    declared = stand.settled()
    assert (declared.pending, declared.error) == ("", None)
    assert names(declared) == {"ConfigMap:gitops-system/one"}


def test_objects_go_to_the_destination_unless_they_say_or_are_otherwise(stand: Stand) -> None:
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\nrules: []\n"
    elsewhere = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, namespace: elsewhere}\n"
    stand.author.commit({"shop/one.yaml": config_map("one"), "shop/role.yaml": role, "shop/two.yaml": elsewhere})

    declared = stand.settled(destination={"namespace": "front", "createNamespace": True})

    assert names(declared) == {
        "Namespace:front",
        "ConfigMap:front/one",
        "ConfigMap:elsewhere/two",
        "rbac.authorization.k8s.io/ClusterRole:reader",
    }


def test_replicas_belong_to_a_live_autoscaler(stand: Stand) -> None:
    stand.author.commit({"shop/web.yaml": deployment("web")})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    stand.stores.autoscalers.put(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "gitops-system"},
            "spec": {"scaleTargetRef": target},
        }
    )

    desired = stand.settled().desired

    assert desired is not None
    assert "replicas" not in desired.manifests[0].obj["spec"]


def test_nothing_is_declared_before_the_autoscalers_were_listed(early: Stand) -> None:
    early.author.commit({"shop/web.yaml": deployment("web")})
    early.declare()
    early.poll()

    declared = early.declare()
    assert (declared.desired, declared.pending) == (None, "the autoscalers are being listed")
    early.stores.autoscalers.replace([], "1")
    assert early.settled().desired is not None


def test_while_autoscalers_cannot_be_seen_the_replicas_of_live_workloads_are_left_alone(early: Stand) -> None:
    early.author.commit({"shop/api.yaml": deployment("api"), "shop/web.yaml": deployment("web")})
    early.stores.autoscalers.failed(AgentError("no"))
    eventually(lambda: not early.stores.informer.ensure({GroupKind("apps", "Deployment")}, key("shop")))
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "gitops-system"}}
    early.stores.live.put(observe({**web, "spec": {"replicas": 3}}))

    desired = early.settled().desired

    assert desired is not None
    assert {manifest.key.name: "replicas" in manifest.obj["spec"] for manifest in desired.manifests} == {
        "api": True,
        "web": False,
    }


def test_a_branch_that_is_not_there_is_the_error_of_its_follower(stand: Stand) -> None:
    stand.author.commit({"shop/one.yaml": config_map("one")})
    stand.settled()

    declared = stand.settled("desk", branch="gone")

    assert declared.error is not None
    assert declared.error.reason == "RevisionNotFound"
    assert stand.declare().error is None


def test_a_branch_that_is_deleted_is_reported_beside_what_was_read_last(stand: Stand) -> None:
    stand.author.commit({"shop/one.yaml": config_map("one")})
    commit = stand.author.commit({"shop/one.yaml": config_map("one")}, branch="release")
    stand.settled(branch="release")
    stand.author.git("update-ref", "-d", "refs/heads/release")

    declared = stand.settled(branch="release")

    assert declared.revision is not None
    assert declared.revision.commit == commit
    assert declared.error is None
    assert "release" in str(declared.source.error)
    assert declared.source.since is not None
    again = stand.settled(branch="release")
    assert again.source.since == declared.source.since
    stand.author.commit({"shop/one.yaml": config_map("one")}, branch="release")
    assert stand.settled(branch="release").source.error is None


def test_a_repository_that_is_away_is_reported_beside_what_was_read_last(stand: Stand) -> None:
    stand.author.commit({"shop/one.yaml": config_map("one")})
    stand.settled()
    stand.author.directory.rename(stand.author.directory.with_suffix(".away"))
    stand.poll()

    declared = stand.declare()

    assert declared.source.error is not None
    assert declared.error is None
    assert names(declared) == {"ConfigMap:gitops-system/one"}


def test_a_repository_that_never_answered_is_the_error(stand: Stand) -> None:
    stand.author.directory.rename(stand.author.directory.with_suffix(".away"))

    declared = stand.settled()

    assert (declared.revision, declared.desired) == (None, None)
    assert declared.error is not None
    assert declared.error is declared.source.error


def test_files_that_do_not_render_are_the_error_of_their_commit(stand: Stand) -> None:
    commit = stand.author.commit({"shop/one.yaml": "kind: [\n"})

    declared = stand.settled()

    assert declared.revision is not None
    assert declared.revision.commit == commit
    assert declared.error is not None
    assert declared.error.reason == "InvalidManifest"
    assert declared.error.facts["file"] == "shop/one.yaml"


def test_an_object_that_another_application_declares_is_contested(stand: Stand) -> None:
    same = {"destination": {"namespace": "front"}}
    stand.author.commit({"shop/one.yaml": config_map("one"), "desk/here.yaml": config_map("one")})
    assert stand.settled("shop", **same).error is None

    declared = stand.settled("desk", **same)

    assert declared.error is None
    assert contested(declared) == {"ConfigMap:front/one": SHOP}


def test_an_application_that_waits_for_an_object_is_woken_when_it_is_released(stand: Stand) -> None:
    same = {"destination": {"namespace": "front"}}
    files = {"shop/one.yaml": config_map("one"), "desk/here.yaml": config_map("one")}
    stand.author.commit(files)
    stand.settled("shop", **same)
    stand.settled("desk", **same)
    stand.looks.clear()

    stand.author.commit(files | {"shop/one.yaml": config_map("two")})
    stand.settled("shop", **same)

    assert [who for who, _, _ in stand.looks] == [DESK]
    assert contested(stand.settled("desk", **same)) == {}


def test_an_application_that_waits_is_woken_when_the_other_one_is_gone(stand: Stand) -> None:
    same = {"destination": {"namespace": "front"}}
    stand.author.commit({"shop/one.yaml": config_map("one"), "desk/here.yaml": config_map("one")})
    stand.settled("shop", **same)
    stand.settled("desk", **same)
    stand.looks.clear()

    stand.loader.forget(SHOP)

    assert DESK in {who for who, _, _ in stand.looks}
    assert contested(stand.settled("desk", **same)) == {}


def test_a_live_object_stays_with_the_application_of_its_marks_whichever_is_first(stand: Stand) -> None:
    same = {"destination": {"namespace": "front"}}
    stand.author.commit({"shop/one.yaml": config_map("one"), "desk/here.yaml": config_map("one")})
    stand.settled("desk", destination={"namespace": "elsewhere"})  # the kind is listed
    stand.stores.applications.put(application_object("shop"))
    front_key = ObjectKey("", "ConfigMap", "front", "one")
    stand.stores.live.put(LiveObject(key=front_key, uid="u", resource_version="1", owner=SHOP, health=Health(Status.HEALTHY)))

    assert contested(stand.settled("desk", **same)) == {"ConfigMap:front/one": SHOP}
    assert contested(stand.settled("shop", **same)) == {}


class Signed:
    """An Application whose commits are to be signed by Ada."""

    def __init__(self, stand: Stand, namespace: str, objects: Objects, folder: Path) -> None:
        text = allowed({"ada@example.com": SshKey(folder, "ada")}).decode()
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "signers", "namespace": namespace}}
        objects.apply({**secret, "stringData": {"allowed_signers": text}})
        self._stand, self._namespace = stand, namespace

    def application(self, applied: str) -> Application:
        raw = application_object("shop", namespace=self._namespace, url=self._stand.author.repository.url, path="shop")
        raw["spec"]["source"]["verify"] = {"mode": "head", "secretRef": {"name": "signers"}}
        raw["status"] = {"sync": {"revision": applied}}
        return parse(raw)

    def poll(self, application: Application) -> None:
        self._stand.loader.load(application)
        self._stand.polling.ask(application.key, "now")
        while (item := self._stand.repositories.take(0)) is not None:
            self._stand.polling.reconcile(item)
            self._stand.repositories.done(item.key)

    def judged(self, application: Application) -> DeclaredState:
        """Loads and verifies until there is a commit to follow."""

        def known() -> DeclaredState | None:
            declared = self._stand.loader.load(application)
            if (item := self._stand.signatures.take(0)) is not None:
                self._stand.verifier.reconcile(item)
                self._stand.signatures.done(item.key)
            return declared if not declared.pending and declared.revision is not None else None

        declared = eventually(known)
        assert declared is not None
        return declared


@pytest.fixture
def signed(stand: Stand, namespace: str, objects: Objects, tmp_path: Path) -> Iterator[Signed]:
    yield Signed(stand, namespace, objects, tmp_path)
    stand.stores.secrets.stop()


def test_the_trailers_of_a_commit_without_a_signature_approve_nothing(stand: Stand, signed: Signed) -> None:
    commit = stand.author.commit({"shop/one.yaml": config_map("one")}, message="One\n\nGitops-Agent-Approve: aaaaaaaaaaaa")
    shop = signed.application(commit)
    signed.poll(shop)

    declared = signed.judged(shop)

    assert declared.judgement is not None
    assert declared.revision is not None
    assert (declared.judgement.reason, declared.revision.commit, declared.revision.message) == ("Unverified", commit, "")


def test_what_was_judged_before_is_followed_while_a_newer_commit_is_verified(stand: Stand, signed: Signed) -> None:
    first = stand.author.commit({"shop/one.yaml": config_map("one")})
    shop = signed.application(first)
    signed.poll(shop)
    before = signed.judged(shop)
    second = stand.author.commit({"shop/one.yaml": config_map("one", colour="red")})
    signed.poll(shop)

    declared = stand.loader.load(shop)

    assert (declared.revision, declared.judgement, declared.desired) == (before.revision, before.judgement, before.desired)
    assert (declared.verifying, declared.pending) == (True, f"the signature of {second[:12]} is being verified")
    assert signed.judged(shop).verifying is False


def test_an_object_that_moves_between_applications_is_handed_over(world: ClusterEnv) -> None:
    keep = {"shop/keep.yaml": config_map("keep"), "desk/stay.yaml": config_map("stay")}
    world.create("shop")
    world.create("desk")
    first = world.commit(keep | {"shop/one.yaml": config_map("one", colour="red")})
    world.await_synced("shop", first)
    world.await_synced("desk", first)
    before = world.live("one")

    second = world.commit(keep | {"desk/one.yaml": config_map("one", colour="blue")})
    world.await_synced("desk", second)

    after = world.live("one")
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert owner(after) == AppKey(world.home, "desk")
    assert after["data"] == {"colour": "blue"}
