from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.sources import Credentials, Sources
from tests.source.author import Author
from tests.source.conftest import MAIN
from tests.source.ssh import SshServer

pytestmark = pytest.mark.slow


def test_a_repository_is_read_with_a_key_and_a_known_host(sources: Sources, author: Author, sshd: SshServer) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    credentials = Credentials(identity=sshd.key(), known_hosts=sshd.known_hosts)

    assert sources.poll(sshd.repository(author.directory), frozenset({MAIN}), credentials).tips == {MAIN: commit}


def test_a_key_may_have_a_passphrase(sources: Sources, author: Author, sshd: SshServer) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    repository = sshd.repository(author.directory)
    sealed = Credentials(identity=sshd.key("sealed"), known_hosts=sshd.known_hosts, password="open sesame")
    wrong = Credentials(identity=sshd.key("sealed"), known_hosts=sshd.known_hosts, password="wrong")

    with pytest.raises(SourceError, match=r"passphrase|private key") as caught:
        sources.poll(repository, frozenset({MAIN}), wrong)
    assert caught.value.reason == "AuthenticationFailed"
    assert sources.poll(repository, frozenset({MAIN}), sealed).tips == {MAIN: commit}


def test_a_host_that_is_not_the_known_one_is_refused(sources: Sources, author: Author, sshd: SshServer) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    other = sshd.known_hosts.split()[0] + " " + " ".join((sshd.directory / "stranger.pub").read_text().split()[:2])

    for known_hosts in (other, "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"):
        with pytest.raises(SourceError, match="known_hosts") as caught:
            sources.poll(
                sshd.repository(author.directory), frozenset({MAIN}), Credentials(identity=sshd.key(), known_hosts=known_hosts)
            )
        assert caught.value.facts["failure"] == "host-key"


def test_a_key_the_server_does_not_know_is_reported(sources: Sources, author: Author, sshd: SshServer) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    stranger = Credentials(identity=sshd.key("stranger"), known_hosts=sshd.known_hosts)

    with pytest.raises(SourceError, match="private key") as caught:
        sources.poll(sshd.repository(author.directory), frozenset({MAIN}), stranger)
    assert caught.value.reason == "AuthenticationFailed"
    assert not any(secret in str(caught.value) for secret in stranger.secrets())


def test_a_path_without_a_repository_is_reported(sources: Sources, tmp_path: Path, sshd: SshServer) -> None:
    with pytest.raises(SourceError, match="no such repository") as caught:
        sources.poll(
            sshd.repository(tmp_path / "nothing.git"),
            frozenset({MAIN}),
            Credentials(identity=sshd.key(), known_hosts=sshd.known_hosts),
        )
    assert caught.value.facts["failure"] == "not-found"
