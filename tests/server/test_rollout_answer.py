"""Pods and routes of a rollout, as its viewer may read them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.state import Phase, RolloutState
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.answers.call import Call, Service
from gitops_agent.server.answers.rollouts import rollout
from gitops_agent.server.plan_cache import PlanCache
from gitops_agent.server.rights import Rights
from gitops_agent.server.rows import Rows
from gitops_agent.server.source import ClusterSource
from gitops_agent.server.viewer import Viewer
from gitops_agent.server.views.rollout import RolloutView
from tests.cli.cluster_env import ClusterEnv
from tests.cli.policies import NEW, OLD, at, holding, policy, spec
from tests.server.running_agent import token

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

ROUTED = {"traffic": {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": "web"}]}}


def deployment(stage: ClusterEnv, access: ClusterClient, name: str, version: str, *, wanted: int) -> None:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": f"web:{version[:1]}"}]},
    }
    metadata = {"namespace": stage.namespace, "name": name, "annotations": {canary_objects.ROLLOUT_HASH: version}}
    body: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    # Paused, so that its controller makes no pods: the figures of living ones change while a test looks.
    body["spec"] = {"replicas": wanted, "paused": True, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    access.objects.apply(body)


def seen(stage: ClusterEnv, access: ClusterClient, state: RolloutState, **more: Any) -> RolloutView:
    """The rollout as the dashboard answers it."""
    source = ClusterSource(access)
    source.replace("RolloutPolicy", [policy(state, namespace=stage.namespace, application="gitops", **more)])
    service = Service(
        source=source, rows=Rows(source.application, source.policy), plans=PlanCache(), mode="laptop", cluster="test"
    )
    viewer = Viewer(user="dana", groups=(), mode="token", access=access, digest="dana")
    sees = frozenset({("list", "applications")})
    for namespace in ("gitops", stage.namespace):
        viewer._rights[namespace] = (math.inf, Rights(namespace=namespace, allowed=sees))
    assert viewer.sees(AppKey("gitops", "shop"))
    return rollout(Call(service=service, viewer=viewer, names={"namespace": stage.namespace, "name": "web"}, query={}))


def test_both_versions_are_counted_and_the_routes_named(stage: ClusterEnv, access: ClusterClient) -> None:
    routed = spec(**ROUTED)
    deployment(stage, access, "web", OLD.hash, wanted=6)
    deployment(stage, access, canary_objects.canary_name("web", NEW.hash), NEW.hash, wanted=2)

    view = seen(stage, access, holding(0, wanted=routed), spec=routed)

    shown = [(each.side, each.version, each.images, each.wanted, each.there) for each in view.pods]
    assert shown == [
        ("stable", OLD.hash, (f"web:{OLD.hash[:1]}",), 6, True),
        ("canary", NEW.hash, (f"web:{NEW.hash[:1]}",), 2, True),
    ]
    assert view.cannot_see == ()
    assert view.traffic is not None
    assert [(route.group, route.kind, route.name) for route in view.traffic.routes] == [
        ("gateway.networking.k8s.io", "HTTPRoute", "web")
    ]
    assert view.row.weight.verified_at != ""
    assert "% of the traffic" in view.traffic.asked


def test_behind_a_plain_service_the_services_are_named(stage: ClusterEnv, access: ClusterClient) -> None:
    view = seen(stage, access, at(Phase.IDLE))

    assert view.traffic is not None
    assert [(route.kind, route.name) for route in view.traffic.routes] == [("Service", "web")]
    assert (view.traffic.provider, view.traffic.asked) == ("service", "")
    assert [(each.side, each.there) for each in view.pods] == [("stable", False)]


def test_a_viewer_who_may_not_read_deployments_is_told_so_in_place_of_figures(stage: ClusterEnv, access: ClusterClient) -> None:
    deployment(stage, access, "web", OLD.hash, wanted=6)
    kubeconfig = write_kubeconfig(
        stage.folder / "dana",
        server=stage.plane.host,
        authority=stage.plane.authority,
        user="dana",
        token=token(stage, access, "dana", "get", "list"),
    )

    view = seen(stage, ClusterClient.open(str(kubeconfig), None, stage.namespace), holding(0))

    assert view.pods == ()
    (hidden,) = view.cannot_see
    assert hidden.kind == "apps/Deployment"
    assert "forbidden" in hidden.why
    assert view.traffic is not None
