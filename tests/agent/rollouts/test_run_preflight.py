"""What the API server is asked before a run begins."""

from __future__ import annotations

import pytest

from gitops_agent.agent.rollouts.run_preflight import AGAIN_SECONDS, RunPreflight, RunStart
from gitops_agent.api.application import Application
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Adoption, RolloutState, Version
from gitops_agent.rollout.traffic.service import PlainService
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.agent.samples import application
from tests.clock import Clock
from tests.rollout.policies import canary, rolling
from tests.sync.samples import REVISION, thing
from tests.waiting import eventually

STABLE, HEAD = Version(commit="a" * 40, hash="aaaaaaaa"), Version(commit="b" * 40, hash="bbbbbbbb")
LOTS: Object = {"requests": {"cpu": "lots"}}


def commit(namespace: str, number: int, *more: Object, **container: Object) -> dict[ObjectKey, Manifest]:
    """What a commit declares: a workload, its Service, and more."""
    pod = {"containers": [{"name": "main", "image": f"registry.example.com/web:{number}", **container}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    service = thing("Service", "web", namespace=namespace, spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    objects = (thing("Deployment", "web", namespace=namespace, spec=spec), service, *more)
    return {manifest.key: manifest for manifest in map(Manifest.of, objects)}


def start(
    namespace: str, target: dict[ObjectKey, Manifest], *, stable: dict[ObjectKey, Manifest] | None = None, rolls: bool = False
) -> RunStart:
    policy = rolling() if rolls else canary(plain=True)
    workload = ObjectKey("apps", "Deployment", namespace, "web")
    subject = ResolvedPolicy(policy=policy, workload=workload, provider=None if rolls else PlainService())
    return RunStart(
        policy=ObjectKey("gitops-agent.dev", "RolloutPolicy", namespace, "web"),
        subject=subject,
        state=RolloutState(stable=STABLE, adoption=Adoption.DONE),
        head=HEAD,
        stable=commit(namespace, 1) if stable is None else stable,
        target=target,
        revision=REVISION,
    )


def test_what_a_run_makes_and_the_workload_as_it_will_be_are_asked_about() -> None:
    begun = start("shop", commit("shop", 2))
    pod_by_pod = start("shop", commit("shop", 2), rolls=True)

    assert [manifest.key.name for manifest in begun.manifests] == ["web-canary", "web-c-bbbbbbbb", "web"]
    assert [manifest.key.name for manifest in pod_by_pod.manifests] == ["web"]
    assert begun.changed == {"Deployment"}


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def preflight(control_plane: ControlPlane, time: Clock) -> RunPreflight:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    return RunPreflight(Objects(transport, Discovery(transport)), clock=time)


@pytest.mark.cluster
@pytest.mark.parametrize("rolls", [False, True])
def test_a_refusal_names_the_object_and_the_words_of_the_api_server(
    preflight: RunPreflight, namespace: str, *, rolls: bool
) -> None:
    refusal = preflight.refusal(application(), start(namespace, commit(namespace, 2, resources=LOTS), rolls=rolls))

    name = "web" if rolls else "web-c-bbbbbbbb"
    assert refusal.startswith(f"the API server refuses apps/Deployment:{namespace}/{name}: ")
    assert "quantities must match" in refusal
    assert preflight.refusal(application(), start(namespace, commit(namespace, 2), rolls=rolls)) == ""


def nobody(namespace: str) -> Application:
    """An Application of an account without rights."""
    return application(namespace=namespace, serviceAccountName="nobody")


@pytest.mark.cluster
def test_a_refusal_is_asked_about_again_after_a_while(
    preflight: RunPreflight, control_plane: ControlPlane, time: Clock, namespace: str
) -> None:
    begun, allowed = start(namespace, commit(namespace, 2)), nobody(namespace)
    first = preflight.refusal(allowed, begun)
    assert "cannot patch resource" in first

    binding = thing("RoleBinding", "nobody", namespace=namespace)
    binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}
    binding["subjects"] = [{"kind": "ServiceAccount", "name": "nobody", "namespace": namespace}]
    control_plane.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings", binding)

    assert preflight.refusal(allowed, begun) == first, "not yet"

    def later() -> bool:
        time.now += AGAIN_SECONDS + 1
        return preflight.refusal(allowed, begun) == ""

    eventually(later, what="the permission is known")


@pytest.mark.cluster
def test_a_permission_that_the_same_commit_may_grant_is_no_refusal(preflight: RunPreflight, namespace: str) -> None:
    role = {**thing("Role", "web", namespace=namespace), "rules": []}

    assert preflight.refusal(nobody(namespace), start(namespace, commit(namespace, 2)))
    assert preflight.refusal(nobody(namespace), start(namespace, commit(namespace, 2, role))) == ""
