"""What the observer remembers, without a cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.observer import RolloutObserver
from gitops_agent.agent.stores.endpoint_slices import EndpointSliceStore
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Phase, Rejected, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.sync.live.live_object import LiveObject, observe
from gitops_agent.sync.live.live_state import LiveState
from tests.rollout.policies import canary, rolling
from tests.rollout.release import V1, V2, V3, WEB, Shares

NGINX = {"provider": "nginx", "routes": [{"kind": "Ingress", "name": "web"}]}
SINCE = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_a_share_that_was_in_force_before_a_restart_is_in_force_after_it(nowhere: Transport) -> None:
    queue: WorkQueue[AppKey] = WorkQueue()
    policies = RolloutPolicyStore(Objects(nowhere, Discovery(nowhere)), queue.add)
    live = LiveState()
    observer = RolloutObserver(live, EndpointSliceStore(live, policies, queue.add), clock=lambda: 100.0)
    half = Share(weight=50)
    verified = RolloutState(
        phase=Phase.STEP,
        stage=Stage.HOLD,
        stable=V1,
        target=V2,
        traffic=Traffic(want=half, applied=half, verified_at=SINCE),
    )
    about = ResolvedPolicy(policy=canary(traffic=NGINX), workload=WEB, provider=Shares())
    key = ObjectKey("gitops-agent.dev", "RolloutPolicy", "shop", "web")
    context = RolloutContext(key=key, raw={}, subject=about, state=verified, head=V2, stable={}, target={})

    def verdict(of: RolloutContext) -> Verdict:
        routing = observer.survey(of, [of], ()).routing
        assert routing is not None
        return routing.verdict

    assert verdict(context) is Verdict.READY
    other = replace(verified, traffic=Traffic(want=Share(weight=75), applied=half))
    assert verdict(replace(context, state=other)) is Verdict.NOT_YET, "another share is given its time"


def made(kind: str, name: str, rollout: str = "") -> LiveObject:
    metadata = {"name": name, "namespace": "shop", "uid": name, "annotations": {marks.ROLLOUT: rollout} if rollout else {}}
    return observe({"apiVersion": "v1", "kind": kind, "metadata": metadata})


def test_the_service_of_a_run_whose_state_is_lost_is_found_by_that_of_its_canary(nowhere: Transport) -> None:
    queue: WorkQueue[AppKey] = WorkQueue()
    live = LiveState()
    policies = RolloutPolicyStore(Objects(nowhere, Discovery(nowhere)), queue.add)
    observer = RolloutObserver(live, EndpointSliceStore(live, policies, queue.add), clock=lambda: 100.0)
    about = ResolvedPolicy(policy=canary(service="renamed"), workload=WEB, provider=Shares())
    key = ObjectKey("gitops-agent.dev", "RolloutPolicy", "shop", "web")
    context = RolloutContext(key=key, raw={}, subject=about, state=RolloutState(), head=V2, stable={}, target={})
    objects = [made("Service", "renamed"), made("Service", "web"), made("Service", "web-canary", rollout=WEB.name)]

    assert observer.survey(context, [context], objects).former == "web"
    assert observer.survey(context, [context], objects[:2]).former == ""
    known = replace(context, state=RolloutState(stable=V1))
    assert observer.survey(known, [known], objects).former == ""


def rejecting(name: str, *rejected: Rejected, head: Version = V2) -> RolloutContext:
    """A rollout that was rolled back to its stable version."""
    workload = ObjectKey("apps", "Deployment", "shop", name)
    state = RolloutState(phase=Phase.HELD, stable=V1, target=V2, rejected=rejected)
    about = ResolvedPolicy(policy=rolling(), workload=workload, provider=None)
    key = ObjectKey("gitops-agent.dev", "RolloutPolicy", "shop", name)
    return RolloutContext(key=key, raw={}, subject=about, state=state, head=head, stable={}, target={})


FAILED = Rejected(hash=V2.hash, commit=V2.commit, reason="it crashes", at=SINCE)
TAKEN_ALONG = replace(FAILED, reason="aborted by the rollout of api", together="shop/api")


def test_a_version_that_went_back_with_another_waits_until_that_one_is_corrected(nowhere: Transport) -> None:
    policies = RolloutPolicyStore(Objects(nowhere, Discovery(nowhere)), WorkQueue[AppKey]().add)
    live = LiveState()
    observer = RolloutObserver(live, EndpointSliceStore(live, policies, WorkQueue[AppKey]().add))
    web = rejecting("web", TAKEN_ALONG)

    def corrected(*others: RolloutContext) -> frozenset[str]:
        return observer.survey(web, [web, *others], ()).corrected

    assert corrected(rejecting("api", FAILED)) == frozenset()
    assert corrected(replace(rejecting("api", FAILED), head=None)) == frozenset(), "Git cannot be read"
    assert corrected(rejecting("api", FAILED, head=V3)) == {"shop/api"}
    assert corrected(rejecting("api", FAILED, head=V1)) == {"shop/api"}, "it is reverted"
    assert corrected(rejecting("api")) == {"shop/api"}, "it is tried again"
    assert corrected() == {"shop/api"}, "it has no rollout any more"
    web = rejecting("web", FAILED)
    assert corrected(rejecting("api", head=V3)) == frozenset(), "it failed by itself"


def test_only_the_rollout_that_failed_takes_the_others_of_its_commit_along(nowhere: Transport) -> None:
    policies = RolloutPolicyStore(Objects(nowhere, Discovery(nowhere)), WorkQueue[AppKey]().add)
    live = LiveState()
    observer = RolloutObserver(live, EndpointSliceStore(live, policies, WorkQueue[AppKey]().add))
    web, api, db = rejecting("web"), rejecting("api", FAILED), rejecting("db", TAKEN_ALONG)

    commands = observer.survey(web, [web, api, db], ()).commands

    assert [(command.order, command.hash, command.rollout) for command in commands] == [
        (CommandKind.ABORT, V2.hash, "shop/api")
    ]
