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
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage, Traffic
from gitops_agent.rollout.traffic.router import Verdict
from gitops_agent.sync.live.live_state import LiveState
from tests.rollout.policies import canary
from tests.rollout.release import V1, V2, WEB, Shares

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
