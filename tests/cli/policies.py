"""Policies with scripted state, as the API server returns them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import APPLICATION, ID, id_value, label_value
from gitops_agent.rollout.run_plan import dump_policy
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.status import to_status
from tests.cli.cluster_env import ClusterEnv as Scene

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
OLD, NEW = Version(commit="a" * 40, hash="11111111"), Version(commit="b" * 40, hash="22222222")
STEPS: list[Object] = [{"weight": 25, "pause": "5m"}, {"weight": 50, "approval": True}, {"weight": 75, "analysis": True}]
API = "gitops-agent.dev/v1alpha1"


def spec(strategy: Object | None = None, **more: Any) -> Object:
    """The policy of `web`."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {"targetRef": target, "service": "web", "strategy": strategy or {"canary": {"steps": STEPS}}, **more}


def at(phase: Phase, stage: Stage = Stage.NONE, *, wanted: Object | None = None, **fields: Any) -> RolloutState:
    """A state in a run of `wanted`, entered at `START`.

    Of `spec()` by default; at rest it has no run.
    """
    if phase is not Phase.IDLE:
        plan = dump_policy(read(RolloutPolicySpec, wanted or spec(), root="spec")) if phase is not Phase.HELD else None
        fields = {"target": NEW, "plan": plan, **fields}
    return RolloutState(phase=phase, stage=stage, **{"stable": OLD, "entered_at": START, **fields})


def holding(step: int, **fields: Any) -> RolloutState:
    """In a step, in force for three minutes."""
    share = Share(weight=STEPS[step]["weight"])
    traffic = Traffic(want=share, applied=share, verified_at=START)
    return at(Phase.STEP, Stage.HOLD, step=step, traffic=traffic, **fields)


LATER = START + timedelta(minutes=3)


def policy(state: RolloutState | None = None, *, name: str = "web", namespace: str = "shop", **more: Any) -> Object:
    """The live object, of the Application `shop`."""
    key = ObjectKey("gitops-agent.dev", "RolloutPolicy", namespace, name)
    application = AppKey(more.pop("application", "gitops-system"), "shop")
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-of-{name}",
        "labels": {APPLICATION: label_value(application)},
        "annotations": {ID: id_value(key, application)},
    }
    status = to_status(state) if state is not None else {}
    return {
        "apiVersion": API,
        "kind": "RolloutPolicy",
        "metadata": metadata,
        "spec": more.pop("spec", spec()),
        "status": status,
    }


def stored(stage: Scene, state: RolloutState | None = None, *, name: str = "web", **more: Any) -> Object:
    """The policy in the cluster, of Application `shop` or of none.

    Of the namespace `application`.
    """
    marked = "application" in more
    made = policy(state, name=name, namespace=stage.namespace, **more)
    marks = {key: made["metadata"][key] for key in ("labels", "annotations")} if marked else {}
    body = {**made, "metadata": {"name": name, **marks}}
    stage.plane.request("POST", stage.path("rolloutpolicies"), body)
    return write(stage, state, name=name) if state is not None else body


def write(stage: Scene, state: RolloutState, *, name: str = "web", **more: Any) -> Object:
    """Writes a state and status like the agent."""
    body = found(stage, name) | {"status": to_status(state) | more}
    done: Object = stage.plane.request("PUT", stage.path("rolloutpolicies", name) + "/status", body)
    return done


def found(stage: Scene, name: str = "web") -> Object:
    """The policy as it stands."""
    answer: Object = stage.plane.request("GET", stage.path("rolloutpolicies", name))
    return answer
