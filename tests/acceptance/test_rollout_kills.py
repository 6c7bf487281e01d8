"""The agent is killed during a rollout, and its successor continues."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.agent_killer import EVERYWHERE, killer, start
from tests.acceptance.metric_server import MetricServer
from tests.acceptance.proxy import Call, Fault, Proxy
from tests.acceptance.rollout import Rollout, canary
from tests.acceptance.state_recorder import Seen, StateRecorder
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

SAMPLE = (9, 28, 52, 75)
MOST = 600
KINDS = {"Deployment": "/apis/apps/v1", "Service": "/api/v1", "ConfigMap": "/api/v1"}


@pytest.fixture
def proxy(own: Tenant) -> Iterator[Proxy]:
    with Proxy(own.plane) as made:
        yield made


@pytest.fixture
def meter() -> Iterator[MetricServer]:
    metric_server = MetricServer()
    yield metric_server
    metric_server.stop()


@pytest.mark.parametrize("late", ["endpointslices", "deployments", "services"])
def test_a_start_takes_no_traffic_back_before_everything_was_reconciled(own: Tenant, proxy: Proxy, late: str) -> None:
    rollout = _begun(own, proxy, {"weight": 50, "approval": True})
    rollout.push(2)
    rollout.at("Step", "Hold")
    with StateRecorder(own.plane, own.namespace) as recorder:
        _restarted(own, proxy, lambda call: Fault(seconds=3) if call.listing and call.path.endswith(late) else None)
        own.looked()

        assert [(answer.phase, answer.stage, answer.weight) for answer in recorder.since()] == [("Step", "Hold", 50)]


def test_a_start_while_the_newest_commit_does_not_render_leaves_the_rollout_where_it_is(own: Tenant, proxy: Proxy) -> None:
    rollout = _begun(own, proxy, {"weight": 50, "approval": True})
    commit = rollout.push(2)
    rollout.at("Step", "Hold")
    with StateRecorder(own.plane, own.namespace) as recorder:
        own.commit({"broken.yaml": "{"})
        own.says("InvalidManifest")
        _restarted(own, proxy)
        own.says("InvalidManifest")
        own.looked()
        assert [(answer.phase, answer.stage, answer.weight) for answer in recorder.since()] == [("Step", "Hold", 50)]

    commit = own.commit({"broken.yaml": None})
    rollout.command(CommandKind.PROMOTE)
    own.settled(commit)


@pytest.mark.timeout(7200 if os.environ.get(EVERYWHERE) else 240)
def test_killed_at_any_call_of_a_rollout_it_is_promoted_as_if_nothing_had_happened(own: Tenant, proxy: Proxy) -> None:
    rollout = _begun(own, proxy, {"weight": 25}, {"weight": 50, "pause": "1s"})
    own.settled(rollout.push(2))
    undisturbed = _state(own)

    kills = 0
    for count, number in enumerate(_numbers()):
        with StateRecorder(own.plane, own.namespace) as recorder:
            commit, killed = _pushed(rollout, proxy, 3 + count, number, "Idle")
            own.settled(commit)
            own.until(lambda: _state(own) == undisturbed, f"the end state after a kill at call {number}")
            _only_forward(recorder.since(), f"after a kill at call {number}")
        last = rollout.status()["history"][0]
        assert (last["result"], last["revision"]) == ("Promoted", commit)
        kills += killed
        if not killed:
            break
    _enough(kills)


@pytest.mark.timeout(7200 if os.environ.get(EVERYWHERE) else 240)
def test_killed_at_any_call_of_a_rollout_that_fails_it_ends_with_the_stable_version(
    own: Tenant, proxy: Proxy, meter: MetricServer
) -> None:
    steps: tuple[Object, ...] = ({"weight": 25}, {"weight": 50, "analysis": True})
    rollout = _begun(own, proxy, *steps, analysis={"metrics": [meter.metric()]})
    own.settled(rollout.push(2))
    stable = _state(own)
    meter.value = 0.9

    kills = 0
    for count, number in enumerate(_numbers()):
        commit, killed = _pushed(rollout, proxy, 3 + count, number, "Held")
        rollout.until(
            lambda status, commit=commit: status["phase"] == "Held" and status["rejected"][-1]["revision"] == commit,  # type: ignore[misc]
            f"{commit[:12]} is rejected after a kill at call {number}",
        )
        own.until(lambda: _state(own) == stable, f"the end state after a kill at call {number}")
        assert "errors failed" in rollout.status()["message"]
        kills += killed
        if not killed:
            break
    _enough(kills)


def _begun(team: Tenant, proxy: Proxy, *steps: Object, **spec: Any) -> Rollout:
    start(team, proxy)
    rollout = Rollout(team, canary(*steps), **spec)
    rollout.begin()
    return rollout


def _restarted(team: Tenant, proxy: Proxy, rule: Any = None) -> None:
    agent = team.agent
    assert agent is not None
    agent.kill()
    proxy.rule = rule
    start(team, proxy)


def _pushed(rollout: Rollout, proxy: Proxy, image: int, number: int, end: str, **changes: Any) -> tuple[str, bool]:
    """Pushes, kills the agent at its nth call, and restarts it.

    Returns the commit, and whether it died.
    """
    team = rollout.team
    killed = killer(team, proxy, _counted, nth=number)
    commit = rollout.push(image, **changes)

    def over() -> bool:
        status = rollout.status()
        ended = status.get("phase") == end and (status.get("history") or [{}])[0].get("revision") == commit
        return killed.is_set() or ended

    team.until(over, f"the agent was killed at call {number} or is done")
    proxy.rule = None
    if killed.is_set():
        start(team, proxy)
    return commit, killed.is_set()


def _enough(kills: int) -> None:
    """Checks that a run at every call had enough calls."""
    sys.stderr.write(f"the agent was killed at {kills} calls\n")
    assert kills >= (30 if os.environ.get(EVERYWHERE) else len(SAMPLE) // 2)


def _counted(call: Call) -> bool:
    return not call.watch


def _numbers() -> Iterator[int]:
    yield from range(1, MOST) if os.environ.get(EVERYWHERE) else SAMPLE


def _only_forward(seen: list[Seen], when: str) -> None:
    """Checks that the rollout never reverted: the weight only grew.

    No way out was entered until the promotion ended.
    """
    assert not {state.phase for state in seen} & {"Abort", "Superseded", "Held", "Paused"}, (when, seen)
    weights = [state.weight for state in seen if state.phase in ("Step", "Promote") and state.stage != "Back"]
    assert weights == sorted(weights), (when, seen)


def _state(team: Tenant) -> dict[str, Any]:
    """Every object of the application, without what differs from version to version."""
    result: dict[str, Any] = {}
    for kind, root in KINDS.items():
        for item in team.plane.request("GET", f"{root}/namespaces/{team.namespace}/{kind.lower()}s")["items"]:
            metadata, spec = item["metadata"], item.get("spec") or {}
            if metadata["name"] == "kube-root-ca.crt":
                continue
            leaving = "deletionTimestamp" in metadata
            annotations = sorted((metadata.get("annotations") or {}).keys() - {"deployment.kubernetes.io/revision"})
            template = (spec.get("template") or {}).get("metadata", {}).get("labels")
            result[f"{kind}/{metadata['name']}"] = (
                spec.get("replicas"), spec.get("selector"), template, metadata.get("labels"), annotations, leaving,
            )  # fmt: skip
    return result
