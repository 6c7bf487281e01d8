"""The agent is killed between API calls and restarted without traces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPLICATION, DIGEST, ID
from tests.acceptance.agent_killer import EVERYWHERE, SINGLE, killer, start
from tests.acceptance.objects import config_map, config_maps, deployment, files, secret, service
from tests.acceptance.proxy import Proxy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

SAMPLE = {"running": (1, 4, 7, 11), "starting": (5, 30)}
KINDS = {"ConfigMap": "/api/v1", "Secret": "/api/v1", "Service": "/api/v1", "Deployment": "/apis/apps/v1"}
BLUE = files(
    config_map("stays"), config_map("changes", key="blue"), *config_maps(3), secret("token", key="blue"), service("web")
)
GREEN = files(config_map("stays"), config_map("changes", key="green"), secret("token", key="green"), deployment("web"))


@pytest.fixture
def proxy(own: Tenant) -> Iterator[Proxy]:
    with Proxy(own.plane) as made:
        yield made


@pytest.mark.timeout(3600 if os.environ.get(EVERYWHERE) else 240)
def test_killed_between_any_two_calls_the_end_is_that_of_an_undisturbed_run(own: Tenant, proxy: Proxy) -> None:
    uid = own.foreign()
    copied = start(own, proxy)
    states = {}
    for name, contents in (("blue", BLUE), ("green", GREEN)):
        commit = own.replace(contents)
        own.declare()
        own.settled(commit)
        states[name] = _state(own)
    assert states["blue"] != states["green"]
    assert copied is own.agent
    versions = {"foreign": (own.config("foreign") or {})["metadata"]["resourceVersion"]}

    current = "green"
    for phase in ("running", "starting"):
        for number in _numbers(phase):
            current = "blue" if current == "green" else "green"
            died = _kill_at(own, proxy, number, phase=phase, contents=BLUE if current == "blue" else GREEN)
            commit = own.repository._git(own.repository.work, "rev-parse", "HEAD")
            if died:
                start(own, proxy)
            own.ask()
            own.settled(commit)
            own.until(lambda state=states[current]: _state(own) == state, f"the end state after a kill at {phase} {number}")  # type: ignore[misc]
            foreign = (own.config("foreign") or {})["metadata"]
            assert (foreign["uid"], foreign["resourceVersion"]) == (uid, versions["foreign"])
            if not died:
                break


def test_a_restart_with_everything_live_writes_nothing(own: Tenant) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    commit = own.commit(files(*config_maps(5), secret("token", key="value"), service("web"), deployment("web")))
    own.declare()
    own.settled(commit)
    own.looked()
    before = _versions(own)
    assert own.agent.stop() == 0

    agent = own.agent = own.installed.start("again", settings=SINGLE)
    own.until(lambda: [line for line in agent.reconciles() if line["sync"] == "Synced"], "the application is known again")
    own.looked()

    assert _versions(own) == before
    assert agent.metric("gitops_agent_actions_total") == 0
    writes = {verb: agent.metric("gitops_agent_api_requests_total", verb=verb) for verb in ("post", "put", "delete")}
    assert writes == {"post": 0, "put": 0, "delete": 0}


def test_a_kill_while_an_application_leaves_does_not_stop_it(own: Tenant, proxy: Proxy) -> None:
    own.foreign()
    start(own, proxy)
    commit = own.commit(files(*config_maps(4)))
    own.declare()
    own.settled(commit)
    killed = killer(own, proxy, lambda call: call.method == "DELETE", nth=2)

    own.remove()
    own.until(killed.is_set, "the agent was killed at a deletion")
    proxy.rule = None
    start(own, proxy)

    own.until(lambda: own.configs() == {"foreign"}, "the objects are gone")
    own.until(lambda: not own.plane.request("GET", own.installed.path("applications"))["items"], "the Application is gone")


def _numbers(phase: str) -> Iterator[int]:
    if os.environ.get(EVERYWHERE):
        yield from range(1, 400)
    else:
        yield from SAMPLE[phase]


def _kill_at(team: Tenant, proxy: Proxy, number: int, *, phase: str, contents: dict[str, str]) -> bool:
    """Kills the agent at its nth call; False when it made fewer.

    After a commit, or after a start with a new commit.
    """
    agent = team.agent
    assert agent is not None
    if phase == "starting":
        agent.kill()
    killed = killer(team, proxy, lambda call: not call.watch, nth=number)
    commit = team.repository.replace(contents)
    if phase == "starting":
        agent = start(team, proxy)
        killed = killer(team, proxy, lambda call: not call.watch, nth=number)
    team.ask()

    def over() -> bool:
        status = team.application().get("status") or {}
        return killed.is_set() or (status.get("sync") or {}).get("revision") == commit

    team.until(over, f"the agent was killed at call {number} or is done")
    proxy.rule = None
    if killed.is_set():
        return True
    return agent.process.poll() is not None


def _objects(team: Tenant) -> Iterator[Object]:
    for kind, root in KINDS.items():
        for item in team.plane.request("GET", f"{root}/namespaces/{team.namespace}/{kind.lower()}s")["items"]:
            if APPLICATION in (item["metadata"].get("labels") or {}):
                yield {"kind": kind, **item}


def _state(team: Tenant) -> dict[str, Any]:
    """The application's state without times and counts."""
    result: dict[str, Any] = {}
    for obj in _objects(team):
        metadata = obj["metadata"]
        if "deletionTimestamp" in metadata:
            result[f"{obj['kind']}/{metadata['name']} (leaving)"] = None
            continue
        spec = {k: v for k, v in (obj.get("spec") or {}).items() if k not in ("clusterIP", "clusterIPs")}
        marks = {name: metadata["annotations"].get(name) for name in (ID, DIGEST)}
        result[f"{obj['kind']}/{metadata['name']}"] = (spec, obj.get("data"), metadata["labels"], marks)
    return result


def _versions(team: Tenant) -> dict[str, str]:
    return {f"{obj['kind']}/{obj['metadata']['name']}": obj["metadata"]["resourceVersion"] for obj in _objects(team)}
