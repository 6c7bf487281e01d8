from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.desired.commit_verifier import CommitVerifier
from gitops_agent.agent.desired.declared_state import DeclaredStateLoader
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRunner
from gitops_agent.agent.rollouts.controller import RolloutController
from gitops_agent.agent.rollouts.loader import RolloutLoader
from gitops_agent.agent.rollouts.rollout_pass import RolloutPass, RolloutRequest, RolloutResult
from gitops_agent.agent.rollouts.run_preflight import AGAIN_SECONDS
from gitops_agent.agent.rollouts.stuck_pods import StuckPodRemover
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.api.application import API_VERSION
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.events.event import EventType
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.render.renderer import Renderer
from gitops_agent.rollout.state import Phase, RolloutState, Version
from gitops_agent.rollout.status import from_status
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.sources import Sources
from gitops_agent.sync.desired import Desired, marked
from gitops_agent.sync.live.live_object import observe
from tests.acceptance.installed_agent import install_crds
from tests.agent.samples import EventLog, application
from tests.sync.samples import REVISION, thing, wanted
from tests.waiting import eventually

SHOP = AppKey("gitops-system", "shop")
HELD = "7 objects would go"


def policy(name: str, namespace: str) -> Object:
    """A policy that rolls out the Deployment `web` pod by pod."""
    spec = {"targetRef": {"kind": "Deployment", "name": "web"}, "strategy": {"rolling": {}}}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": "RolloutPolicy", "metadata": metadata, "spec": spec}


def policy_of(name: str, namespace: str) -> Object:
    """The policy `web` with another workload."""
    result = policy("web", namespace)
    return {**result, "spec": {**result["spec"], "targetRef": {"kind": "Deployment", "name": name}}}


def web(number: int, namespace: str, *, replicas: int = 1) -> Object:
    """A version of the Deployment `web`."""
    container = {"name": "main", "image": f"registry.example.com/web:{number}"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return thing("Deployment", "web", namespace=namespace, spec=spec)


def declared(number: int, *objects: Object, namespace: str = "shop") -> Desired:
    """What a commit declares."""
    revision = type(REVISION)(repository=REVISION.repository, ref=REVISION.ref, commit=str(number) * 40)
    return wanted(*objects, application=SHOP, namespace=namespace, revision=revision)


def image(desired: Desired | None) -> str:
    """What the Deployment of a desired state runs."""
    assert desired is not None
    (manifest,) = (manifest for manifest in desired.manifests if manifest.key.kind == "Deployment")
    return str(manifest.obj["spec"]["template"]["spec"]["containers"][0]["image"])


class Bench:
    """A rollout controller without a process: only its watches run."""

    def __init__(self, objects: Objects, sources: Sources, scratch: Path) -> None:
        self.objects, self.log = objects, EventLog()
        queue: WorkQueue[AppKey] = WorkQueue()
        self.stores = build_stores(objects, queue)
        wake = queue.add
        poller = SourcePoller(sources, self.stores.secrets, Scheduler(), WorkQueue(), wake=wake, events=self.log)
        renders = RenderPool(Renderer(scratch=scratch), wake, concurrency=1)
        verifier = CommitVerifier(sources, self.stores.secrets, WorkQueue(), VerdictCache(), wake)
        loader = DeclaredStateLoader(poller, renders, objects.discovery, self.stores, wake, verifier=verifier)
        analysis = AnalysisRunner(self.stores.secrets, objects, self.stores.policies, wake)
        rollouts = RolloutLoader(self.stores, loader, analysis, objects)
        self.controller = RolloutController(self.stores, rollouts, analysis, StuckPodRemover(objects), self.log)

    def prepare(self, head: Desired | None, last: Desired | None = None, **options: Any) -> RolloutPass:
        request = RolloutRequest(application=application("shop"), head=head, last=last or head, frozen=False, **options)
        return self.controller.prepare(request)

    def advance(self, head: Desired | None, last: Desired | None = None, *, held: str = "") -> RolloutResult:
        """One pass."""
        return self.controller.advance(self.prepare(head, last), held=held)

    def listed(self) -> None:
        """The first list of policies arrives, and is empty."""
        self.stores.policies.replace([], "")

    def apply(self, desired: Desired | None) -> None:
        """Applies D(t), and feeds the stores as their watches would."""
        for manifest in desired.manifests if desired is not None else ():
            assert desired is not None
            raw = self.objects.apply(marked(manifest, application=SHOP, revision=desired.revision))
            if manifest.key.group_kind == ROLLOUT_POLICY:
                self.stores.policies.put(raw)
            else:
                self.stores.live.put(observe(raw))

    def state(self, namespace: str) -> RolloutState:
        raw = self.stores.policies.get(ROLLOUT_POLICY.named(namespace, "web")) or {}
        return from_status(raw.get("status") or {})

    def settle(self, head: Desired) -> None:
        """Makes passes until the version is stable and at rest."""

        def rests() -> bool:
            result = self.advance(head)
            self.apply(result.desired)
            state = self.state(head.manifests[0].key.namespace)
            return not result.moved and state.stable is not None and state.phase is Phase.IDLE

        eventually(rests, what="the version is stable")


@pytest.fixture
def away(nowhere: Transport, sources: Sources, tmp_path: Path) -> Bench:
    """Beside a cluster that does not answer."""
    return Bench(Objects(nowhere, Discovery(nowhere), timeout=1), sources, tmp_path / "scratch")


@pytest.fixture
def bench(control_plane: ControlPlane, sources: Sources, tmp_path: Path) -> Iterator[Bench]:
    install_crds(control_plane)
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    bench = Bench(Objects(transport, Discovery(transport)), sources, tmp_path / "scratch")
    bench.listed()
    yield bench
    bench.stores.informer.stop()
    transport.close()


def test_before_the_policies_are_listed_nothing_of_a_commit_may_be_applied(away: Bench) -> None:
    result = away.advance(declared(1, thing("ConfigMap", "one")))

    assert (result.desired, result.pending) == (None, "the rollout policies are being listed")


def test_without_policies_the_commit_is_the_desired_state_and_nothing_starts(away: Bench) -> None:
    away.listed()
    head = declared(1, thing("ConfigMap", "one"))
    prepared = away.prepare(head)

    assert prepared.wants_to_start is None
    assert away.controller.advance(prepared, held=HELD) == RolloutResult(desired=head)


def test_two_policies_of_one_workload_are_refused(away: Bench) -> None:
    away.listed()
    result = away.advance(declared(1, web(1, "shop"), policy("web", "shop"), policy("other", "shop")))

    assert result.desired is None
    assert result.error is not None
    assert (result.error.reason, "both about Deployment web" in str(result.error)) == ("RolloutRefused", True)


class Counted(dict[str, Any]):
    """A policy that counts how often its spec is read."""

    reads = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.reads += key == "spec"
        return super().get(key, default)


def test_the_policies_of_a_commit_are_read_once_a_pass(away: Bench) -> None:
    away.listed()
    head = declared(2, policy("web", "shop"))
    counted = Counted(head.manifests[0].obj)

    away.prepare(replace(head, manifests=(head.manifests[0].with_object(counted),)), declared(1))

    assert counted.reads == 1


@pytest.mark.cluster
def test_a_workload_that_is_new_with_its_policy_starts_no_run(bench: Bench, namespace: str) -> None:
    head = declared(1, web(1, namespace), policy("web", namespace), namespace=namespace)

    prepared = eventually(lambda: current if (current := bench.prepare(head)).result is None else None)

    assert prepared is not None
    assert prepared.wants_to_start is None
    assert image(bench.controller.advance(prepared).desired).endswith(":1")


@pytest.mark.cluster
def test_a_run_starts_only_once_its_commit_is_not_held(bench: Bench, namespace: str) -> None:
    first = declared(1, web(1, namespace), policy("web", namespace), namespace=namespace)
    bench.settle(first)
    second = declared(2, web(2, namespace), policy("web", namespace), namespace=namespace)

    for _ in range(3):
        prepared = bench.prepare(second, first)
        assert prepared.wants_to_start is second
        result = bench.controller.advance(prepared, held=HELD)
        assert (result.held, image(result.desired).endswith(":1")) == (HELD, True)
    assert (bench.state(namespace).phase, bench.state(namespace).reason) == (Phase.PENDING, HELD)
    assert bench.log.events == []

    result = bench.advance(second, first)
    assert (result.held, result.moved) == ("", True)
    assert EventType.ROLLOUT_STARTED in {event.type for event in bench.log.events}
    assert image(bench.advance(second, first).desired).endswith(":2")


@pytest.mark.cluster
def test_a_prepared_pass_changes_nothing(bench: Bench, namespace: str) -> None:
    first = declared(1, web(1, namespace), policy("web", namespace), namespace=namespace)
    bench.settle(first)
    before = bench.stores.policies.get(ROLLOUT_POLICY.named(namespace, "web"))
    second = declared(2, web(2, namespace), policy("web", namespace), namespace=namespace)

    bench.prepare(second, first)

    assert bench.objects.get(ROLLOUT_POLICY.named(namespace, "web")) == before


@pytest.mark.cluster
@pytest.mark.parametrize("refused", ["an unknown field", "two policies"])
def test_a_commit_with_refused_policies_leaves_what_is_stable_and_is_noted(bench: Bench, namespace: str, refused: str) -> None:
    first = declared(1, web(1, namespace), policy("web", namespace), namespace=namespace)
    bench.settle(first)
    policies = [policy("web", namespace), policy("other", namespace)]
    if refused == "an unknown field":
        policies = [policy("web", namespace)]
        policies[0]["spec"]["strategy"]["setWeight"] = 20

    result = bench.advance(declared(2, web(2, namespace), *policies, namespace=namespace), first)

    assert result.error is not None
    assert (image(result.desired).endswith(":1"), bench.state(namespace).phase) == (True, Phase.IDLE)
    raw = bench.stores.policies.get(ROLLOUT_POLICY.named(namespace, "web")) or {}
    assert str(result.error) in raw["status"]["notes"][0]
    assert not bench.advance(first).moved
    raw = bench.stores.policies.get(ROLLOUT_POLICY.named(namespace, "web")) or {}
    assert "notes" not in raw["status"]


@pytest.mark.cluster
def test_a_version_that_the_api_server_refuses_begins_no_run_and_is_asked_about_again(bench: Bench, namespace: str) -> None:
    first = declared(1, web(1, namespace), policy("web", namespace), namespace=namespace)
    bench.settle(first)
    wrong = web(2, namespace)
    wrong["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "lots"}}
    second = declared(2, wrong, policy("web", namespace), namespace=namespace)

    for _ in range(3):
        prepared = bench.prepare(second, first)
        assert prepared.wants_to_start is None, "nothing is planned for it"
        result = bench.controller.advance(prepared)

    (view,) = result.views
    assert (view.phase, view.refused, image(result.desired).endswith(":1")) == ("Pending", True, True)
    assert f"the API server refuses apps/Deployment:{namespace}/web: " in view.message
    assert "quantities must match" in view.message
    assert result.again is not None
    assert result.again <= AGAIN_SECONDS
    raw = bench.stores.policies.get(ROLLOUT_POLICY.named(namespace, "web")) or {}
    assert [(condition["status"], condition["reason"]) for condition in raw["status"]["conditions"]] == [
        ("False", "PreflightFailed")
    ]
    assert bench.log.events == []


def passed(bench: Bench, head: Desired, last: Desired | None = None) -> RolloutResult:
    """The result of a pass that waits for no list, applied."""
    result = eventually(lambda: outcome if (outcome := bench.advance(head, last)).desired is not None else None)
    assert result is not None
    bench.apply(result.desired)
    return result


@pytest.mark.cluster
def test_while_a_policy_names_nothing_no_new_version_passes_it_by(bench: Bench, namespace: str) -> None:
    first = declared(1, web(1, namespace), policy_of("wbe", namespace), namespace=namespace)
    result = passed(bench, first)
    assert image(result.desired).endswith(":1"), "a workload that is new is created"

    second = declared(2, web(2, namespace, replicas=3), policy_of("wbe", namespace), namespace=namespace)
    result = passed(bench, second, first)

    assert image(result.desired).endswith(":1")
    (message,) = result.refused.values()
    assert "did you mean Deployment web?" in message
    assert result.desired is not None
    (held,) = (manifest.obj for manifest in result.desired.manifests if manifest.key.kind == "Deployment")
    assert held["spec"]["replicas"] == 3, "it is scaled all the same"
    condition = (bench.stores.policies.get(ROLLOUT_POLICY.named(namespace, "web")) or {})["status"]["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("False", "RolloutRefused")

    third = declared(3, web(2, namespace, replicas=3), policy("web", namespace), namespace=namespace)
    eventually(lambda: passed(bench, third, first).views and bench.state(namespace).running, what="it is rolled out")
    assert bench.state(namespace).stable == Version(commit=first.revision.commit, hash="1b1f4cfe")


@pytest.mark.cluster
def test_a_typo_in_a_policy_that_was_followed_keeps_the_stable_version(bench: Bench, namespace: str) -> None:
    first = declared(1, web(1, namespace), policy("web", namespace), namespace=namespace)
    bench.settle(first)
    second = declared(2, web(2, namespace), policy_of("wbe", namespace), namespace=namespace)

    for _ in range(2):
        result = passed(bench, second, first)
        assert (image(result.desired)[-2:], len(result.refused)) == (":1", 1)


@pytest.mark.cluster
def test_a_workload_whose_version_is_not_known_is_left_alone_while_a_policy_names_nothing(bench: Bench, namespace: str) -> None:
    bench.objects.apply(web(1, namespace))
    head = declared(2, web(2, namespace), policy_of("wbe", namespace), namespace=namespace)
    key = ObjectKey("apps", "Deployment", namespace, "web")
    bench.stores.live.put(observe(bench.objects.get(key)))

    result = passed(bench, head)

    assert result.desired is not None
    assert key in result.desired.kept
    assert key not in {manifest.key for manifest in result.desired.manifests}
