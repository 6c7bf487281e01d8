from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.cluster import NotSeen, Spectator, settled


def application(revision: str, ready: str) -> Object:
    return {"status": {"sync": {"revision": revision}, "conditions": [{"type": "Ready", "status": ready}]}}


def test_an_application_is_settled_when_it_is_ready_at_that_commit() -> None:
    assert settled(application("abc", "True"), "abc")
    assert not settled(application("abc", "Unknown"), "abc")
    assert not settled(application("abd", "True"), "abc")
    assert not settled({}, "abc")


@pytest.fixture
def spectator(control_plane: ControlPlane) -> Iterator[Spectator]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Spectator(transport)
    transport.close()


@pytest.mark.cluster
def test_what_is_not_there_is_no_error(spectator: Spectator) -> None:
    assert spectator.get(ObjectKey("", "ConfigMap", "default", "no-such-thing")) is None
    assert spectator.get(ObjectKey("no.such.group", "Thing", "default", "any")) is None
    assert spectator.get(ObjectKey("", "Namespace", "", "default")) is not None


@pytest.mark.cluster
def test_waiting_ends_with_the_condition_or_an_error_that_names_it(spectator: Spectator) -> None:
    assert spectator.until("the namespace", lambda: spectator.get(ObjectKey("", "Namespace", "", "default"))) < 30
    with pytest.raises(NotSeen, match=r"not seen within 0\.1 s: the impossible"):
        spectator.until("the impossible", lambda: False, seconds=0.1)
