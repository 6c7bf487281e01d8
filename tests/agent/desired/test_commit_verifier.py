from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitops_agent.agent.desired.commit_verifier import CommitVerifier
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.cluster.objects import Objects
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.source.signature.judgement import Judgement
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.sources import Ref, Sources
from tests.agent.samples import application
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.source.signature.repository import SignedRepository
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
MAIN = Ref(kind="branch", value="main")


class Stand:
    """A verifier whose queue the test drives."""

    def __init__(self, *, sources: Sources, objects: Objects, author: Author, namespace: str) -> None:
        self.repository, self.sources, self.objects = SignedRepository(author, sources, {}), sources, objects
        self.namespace, self.key = namespace, AppKey(namespace, "shop")
        self.secrets = SecretStore(objects)
        self.queue: WorkQueue[AppKey] = WorkQueue()
        self.wakes: list[str] = []
        self.verifier = self.made()

    def made(self) -> CommitVerifier:
        return CommitVerifier(
            self.sources, self.secrets, self.queue, VerdictCache(), lambda _, reason, __: self.wakes.append(reason)
        )

    def trust(self, **keys: SshKey) -> None:
        text = allowed({f"{name}@example.com": key for name, key in keys.items()}).decode()
        secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "signers", "namespace": self.namespace}}
        self.objects.apply({**secret, "stringData": {"allowed_signers": text}})

    def asked(self, status: Object | None = None) -> Judgement | None:
        """What a reconcile reads of the tip that was polled."""
        author = self.repository.author.repository
        self.sources.poll(author, frozenset({MAIN}))
        app = application("shop", namespace=self.namespace, url=author.url)
        verify = app.spec.source.verify.model_validate({"mode": "head", "secretRef": {"name": "signers"}})
        source = app.spec.source.model_copy(update={"verify": verify})
        app = replace(app, spec=app.spec.model_copy(update={"source": source}), status=status or {})
        return self.verifier.judged(app, author, MAIN, self.sources.resolve(author, MAIN).commit)

    def turn(self) -> int:
        """Judges what is due: how many."""
        count = 0
        while (item := self.queue.take(0)) is not None:
            self.verifier.reconcile(item)
            self.queue.done(item.key)
            count += 1
        return count

    def judged(self, status: Object | None = None) -> Judgement:
        """Judges until there is a judgement."""

        def known() -> Judgement | None:
            judgement = self.asked(status)
            self.turn()
            return judgement

        return eventually(known)  # type: ignore[return-value]


@pytest.fixture
def stand(sources: Sources, objects: Objects, author: Author, namespace: str) -> Iterator[Stand]:
    stand = Stand(sources=sources, objects=objects, author=author, namespace=namespace)
    yield stand
    stand.secrets.stop()


@pytest.fixture
def ada(tmp_path_factory: pytest.TempPathFactory) -> SshKey:
    return SshKey(tmp_path_factory.mktemp("keys"), "ada")


def test_a_reconcile_never_waits_and_is_woken(stand: Stand, ada: SshKey) -> None:
    stand.trust(ada=ada)
    tip = stand.repository.commit({"a": "1"}, by=ada)

    assert stand.asked() is None
    judgement = stand.judged()

    assert (judgement.commit, judgement.reason) == (tip, "")
    assert stand.wakes == [f"the signature of {tip[:12]} was judged"]


def test_a_steady_state_costs_nothing(stand: Stand, ada: SshKey, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.trust(ada=ada)
    stand.repository.commit({"a": "1"}, by=ada)
    first = stand.judged()
    monkeypatch.setenv("PATH", "/nonexistent")  # no program could be started

    author = stand.repository.author.repository
    with stand.verifier._lock:
        entry = stand.verifier._entries[stand.key]
    for _ in range(20):
        again = stand.verifier.judged(entry.application, author, MAIN, entry.question.tip)
        assert again is first

    assert stand.queue.take(0) is None


def test_a_changed_secret_judges_anew(stand: Stand, ada: SshKey, ssh_other: SshKey) -> None:
    stand.trust(eve=ssh_other)
    tip = stand.repository.commit({"a": "1"}, by=ada)
    assert stand.judged().reason == "Unverified"

    stand.trust(ada=ada)

    eventually(lambda: stand.turn() and stand.judged().commit == tip)


def test_without_a_secret_nothing_new_is_accepted(stand: Stand, ada: SshKey) -> None:
    stand.trust(ada=ada)
    good = stand.repository.commit({"a": "1"}, by=ada)
    stand.judged()
    secret = ObjectKey("", "Secret", stand.namespace, "signers")
    stand.objects.delete(secret, uid=stand.objects.get(secret)["metadata"]["uid"])
    eventually(lambda: stand.turn() and stand.judged().reason == "SecretNotFound")
    stand.repository.commit({"a": "2"}, by=ada)

    judgement = stand.judged()

    assert (judgement.commit, judgement.reason) == (good, "SecretNotFound")
    assert judgement.message == f"there is no Secret signers with the signers; main stays at {good[:12]}"


def test_what_was_judged_before_stays_in_force_while_a_newer_commit_is_verified(stand: Stand, ada: SshKey) -> None:
    stand.trust(ada=ada)
    stand.repository.commit({"a": "1"}, by=ada)
    before = stand.judged()
    author = stand.repository.author.repository
    with stand.verifier._lock:
        known = stand.verifier._entries[stand.key].application
    stand.repository.commit({"a": "2"}, by=ada)

    assert stand.asked() is None
    assert stand.verifier.in_force(known, author, MAIN) is before
    elsewhere = Ref(kind="branch", value="other")
    stand.verifier.judged(known, author, elsewhere, before.commit)
    assert stand.verifier.in_force(known, author, elsewhere) is None


def test_a_restarted_agent_goes_on_from_the_status(stand: Stand, ada: SshKey) -> None:
    stand.trust(ada=ada)
    good = stand.repository.commit({"a": "1"}, by=ada)
    at = "2026-01-01T00:00:00Z"
    status = {"source": {"verified": {"revision": good, "ref": "branch main", "key": ada.fingerprint, "kind": "SSH", "at": at}}}
    stand.repository.commit({"a": "2"})

    assert stand.judged(status).commit == good


def test_a_missing_program_accepts_nothing_and_is_tried_again(
    stand: Stand, ada: SshKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.trust(ada=ada)
    tip = stand.repository.commit({"a": "1"}, by=ada)
    assert stand.asked() is None
    stand.secrets.data(stand.namespace, "signers")
    with monkeypatch.context() as patch:
        patch.setattr("gitops_agent.source.signature.ssh.PROGRAM", "ssh-keygen-that-is-not-there")
        refused = stand.judged()

    assert (refused.commit, refused.reason) == ("", "ToolMissing")
    assert refused.message.startswith("ssh-keygen-that-is-not-there could not be started: No such file or directory")
    eventually(lambda: stand.turn() and stand.judged().commit == tip)


@pytest.fixture
def ssh_other(tmp_path_factory: pytest.TempPathFactory) -> SshKey:
    return SshKey(tmp_path_factory.mktemp("other"), "eve")
