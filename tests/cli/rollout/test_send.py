from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from gitops_agent.cli.rollout.send import give
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import annotation
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, read
from gitops_agent.rollout.state import Phase, RolloutState
from tests.cli.cluster_env import ClusterEnv as Scene
from tests.cli.policies import NEW, at, found, holding, stored, write
from tests.waiting import eventually

REST = at(Phase.IDLE)


def command(stage: Scene) -> Command | None:
    return read(annotation(found(stage), COMMAND))


def obeying(stage: Scene, after: RolloutState) -> Callable[[], None]:
    """What the agent does: it consumes the nonce and writes another state."""

    def obey() -> None:
        asked = eventually(lambda: command(stage))
        assert asked is not None
        write(stage, replace(after, nonces=(asked.nonce,)))

    thread = threading.Thread(target=obey)
    thread.start()
    return thread.join


@pytest.fixture
def access(stage: Scene) -> ClusterClient:
    return ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)


@pytest.mark.cluster
def test_an_order_names_the_version_and_who_asked_and_is_waited_for(stage: Scene, access: ClusterClient) -> None:
    stored(stage, holding(1))
    join = obeying(stage, holding(1, approvals=("22222222/1",)))

    given = give(access, AppKey(stage.namespace, "web"), CommandKind.APPROVE, reason="looks good", seconds=20)

    join()
    asked = command(stage)
    assert asked is not None
    assert (asked.order, asked.hash, asked.reason) == (CommandKind.APPROVE, NEW.hash, "looks good")
    assert asked.actor == "sandbox-admin"
    assert given.effect
    assert given.after is not None


@pytest.mark.cluster
def test_an_order_that_nobody_takes_is_not_called_done(stage: Scene, access: ClusterClient) -> None:
    stored(stage, holding(1))

    given = give(access, AppKey(stage.namespace, "web"), CommandKind.APPROVE, seconds=0.5)

    assert (given.after, given.effect) == (None, False)
    assert command(stage) is not None


@pytest.mark.cluster
def test_what_makes_no_sense_is_not_written(stage: Scene, access: ClusterClient) -> None:
    stored(stage, REST)

    with pytest.raises(AgentError, match="no rollout is under way") as refused:
        give(access, AppKey(stage.namespace, "web"), CommandKind.ABORT, seconds=1)

    assert refused.value.reason == "CommandRefused"
    assert command(stage) is None


@pytest.mark.cluster
def test_an_earlier_order_that_is_replaced_is_told(
    stage: Scene, access: ClusterClient, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(stage, holding(1))
    give(access, AppKey(stage.namespace, "web"), CommandKind.ABORT, seconds=0)

    give(access, AppKey(stage.namespace, "web"), CommandKind.PAUSE, seconds=0)

    assert capsys.readouterr().err == "this replaces `abort` by sandbox-admin, which no agent has taken\n"
