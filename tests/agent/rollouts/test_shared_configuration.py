"""Versions whose configuration a rolled back rollout keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.observer import RolloutObserver
from gitops_agent.agent.stores.endpoint_slices import EndpointSliceStore
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.sync.live.live_state import LiveState
from tests.agent.rollouts.test_observer import FAILED, rejecting
from tests.rollout.release import V1, V2, V3
from tests.sync.samples import thing


def reading(name: str, state: RolloutState, *, stable: str, target: str) -> RolloutContext:
    """A rollout whose pods read a ConfigMap of two contents."""

    def manifests(content: str) -> dict[ObjectKey, Manifest]:
        settings = thing("ConfigMap", "settings", namespace="shop", data={"of": content})
        container = {"name": "main", "image": "web:1", "envFrom": [{"configMapRef": {"name": "settings"}}]}
        workload = thing("Deployment", name, namespace="shop", spec={"template": {"spec": {"containers": [container]}}})
        return {manifest.key: manifest for manifest in map(Manifest.of, (settings, workload))}

    rollout = rejecting(name, *state.rejected, head=V3)
    return replace(rollout, state=state, stable=manifests(stable), target=manifests(target))


WAITS = RolloutState(phase=Phase.PENDING, stable=V1, target=V3)
ROLLED_BACK = RolloutState(phase=Phase.HELD, stable=V1, target=V2, rejected=(FAILED,))


@pytest.mark.parametrize(
    ("other", "stable", "content", "gate"),
    [
        (ROLLED_BACK, "one", "two", "ConfigMap:shop/settings is needed by apps/Deployment:shop/web as it is"),
        (replace(ROLLED_BACK, phase=Phase.ABORT, stage=Stage.DRAIN), "one", "two", "because web was rolled back"),
        (replace(ROLLED_BACK, phase=Phase.PROMOTE, stage=Stage.RESTORE), "one", "two", "gitops-agent rollout retry shop/web"),
        (ROLLED_BACK, "one", "one", ""),
        (replace(ROLLED_BACK, phase=Phase.IDLE, target=None), "one", "two", ""),
        (replace(ROLLED_BACK, phase=Phase.STEP), "one", "two", ""),
    ],
)
def test_a_version_waits_while_a_rolled_back_one_needs_their_configuration_as_it_was(
    nowhere: Transport, other: RolloutState, stable: str, content: str, gate: str
) -> None:
    policies = RolloutPolicyStore(Objects(nowhere, Discovery(nowhere)), WorkQueue[AppKey]().add)
    live = LiveState()
    observer = RolloutObserver(live, EndpointSliceStore(live, policies, WorkQueue[AppKey]().add))
    api, web = reading("api", WAITS, stable=stable, target=content), reading("web", other, stable=stable, target=stable)

    observation = observer.survey(api, [api, web], ())

    assert gate in observation.gate
    assert bool(gate) == bool(observation.gate)
    assert observation.commands == (), "what waits is not given up"


def test_a_version_under_way_is_given_up_with_one_that_needs_their_configuration_as_it_was(nowhere: Transport) -> None:
    policies = RolloutPolicyStore(Objects(nowhere, Discovery(nowhere)), WorkQueue[AppKey]().add)
    live = LiveState()
    observer = RolloutObserver(live, EndpointSliceStore(live, policies, WorkQueue[AppKey]().add))
    under_way = replace(WAITS, phase=Phase.PROMOTE, stage=Stage.ROLL)
    api, web = reading("api", under_way, stable="one", target="two"), reading("web", ROLLED_BACK, stable="one", target="one")

    (command,) = observer.survey(api, [api, web], ()).commands

    assert (command.order, command.hash, command.rollout) == (CommandKind.ABORT, V3.hash, "shop/web")
    assert command.actor == "the rollout of web, which needs ConfigMap:shop/settings as it was"
