"""Causes of missing pods, on a real control plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.pod_causes import PodCauses
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.rollout.observation import Observation, WorkloadStatus
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Phase, RolloutState, Stage, Version
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.clock import Clock
from tests.rollout.policies import canary, rolling
from tests.waiting import eventually

V1, V2 = Version(commit="a" * 40, hash="11111111"), Version(commit="b" * 40, hash="22222222")


@pytest.fixture
def objects(control_plane: ControlPlane) -> Iterator[Objects]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Objects(transport, Discovery(transport))
    transport.close()


def crashing(name: str, namespace: str) -> Object:
    behaviour = {"pod": "crash", "exit-code": "7", "last-words": "no database"}
    annotations = {f"sandbox.gitops-agent.dev/{key}": value for key, value in behaviour.items()}
    template = {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "registry.example.org/web:2"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def rollout(namespace: str, state: RolloutState, **policy: Any) -> RolloutContext:
    key = ObjectKey("apps", "Deployment", namespace, "web")
    spec = canary(plain=True) if not policy else rolling()
    about = ResolvedPolicy(policy=spec, workload=key, provider=None)
    named = ObjectKey("gitops-agent.dev", "RolloutPolicy", namespace, "web")
    return RolloutContext(key=named, raw={}, subject=about, state=state, head=V2, stable={}, target={})


@pytest.mark.cluster
@pytest.mark.parametrize("rolls", [False, True])
def test_the_pods_that_are_waited_for_are_looked_at_and_remembered(objects: Objects, namespace: str, *, rolls: bool) -> None:
    clock = Clock()
    causes = PodCauses(objects, clock=clock)
    phase = {"phase": Phase.PROMOTE, "stage": Stage.ROLL} if rolls else {"phase": Phase.PROVISION, "canary": 1}
    context = rollout(namespace, RolloutState(stable=V1, target=V2, **phase), **({"rolls": True} if rolls else {}))
    name = "web" if rolls else "web-c-22222222"
    missing = WorkloadStatus(version=V2, replicas=1, available=0, complete=False)
    seen = Observation(head=V2, primary=missing, canary=missing)

    assert causes.complete(context, seen, overdue=False) == seen
    assert causes.due(context.key) == 2.0
    objects.apply(crashing(name, namespace))

    def cause() -> str:
        clock.now += 30
        after = causes.complete(context, seen, overdue=False)
        pods = after.primary if rolls else after.canary
        return pods.cause if pods is not None and "restarts" in pods.cause else ""

    text = eventually(cause, what="the pods have crashed")
    assert text is not None
    assert (text.startswith("CrashLoop: container app ended with exit code 7"), "no database" in text) == (True, True)

    key = ObjectKey("apps", "Deployment", namespace, name)
    objects.delete(key, uid=str(objects.get(key)["metadata"]["uid"]), propagation="Background")
    clock.now += 60
    after = causes.complete(context, seen, overdue=True)
    assert text in {pods.cause for pods in (after.primary, after.canary) if pods is not None}, "it outlives its pods"


def test_nothing_is_asked_of_pods_that_are_there(nowhere: Transport) -> None:
    causes = PodCauses(Objects(nowhere, Discovery(nowhere), timeout=1))
    there = WorkloadStatus(version=V2, replicas=1, available=1)
    context = rollout("shop", RolloutState(phase=Phase.PROVISION, canary=1, stable=V1, target=V2))

    seen = Observation(head=V2, primary=there, canary=there)
    assert (causes.complete(context, seen, overdue=True), causes.due(context.key)) == (seen, None)
