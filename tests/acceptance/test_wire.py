"""An API server, and a connection to it, that misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import Agent, InstalledAgent
from tests.acceptance.objects import config_map, config_maps, crd, files, service, widget
from tests.acceptance.proxy import Call, Fault, Proxy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

SINGLE = {"leader__enabled": "false"}


@pytest.fixture
def proxy(own: Tenant) -> Iterator[Proxy]:
    with Proxy(own.plane) as made:
        yield made


def _start(team: Tenant, proxy: Proxy, name: str = "agent") -> Agent:
    agent = team.agent = team.installed.start(
        name, kubeconfig=team.installed.kubeconfig_for(proxy.url, "proxied"), settings=SINGLE
    )
    return agent


def _second(call: Call) -> bool:
    """Whether it asks for a page after the first."""
    return "continue" in call.query


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=409, reason="Conflict"),
        Fault(status=429, reason="TooManyRequests", headers={"retry-after": "1"}),
        Fault(status=500, reason="InternalError"),
        Fault(status=503, reason="ServiceUnavailable"),
        Fault(tear=True),
        Fault(seconds=3.0),
    ],
    ids=["conflict", "throttled", "internal-error", "unavailable", "torn", "slow"],
)
def test_passing_troubles_with_writes_end_in_what_git_says(own: Tenant, proxy: Proxy, fault: Fault) -> None:
    _start(own, proxy)
    uid = own.foreign()
    first = own.commit(files(*config_maps(4)))
    own.declare()
    own.settled(first)
    left = {"troubles": 5}

    def rule(call: Call) -> Fault | None:
        if call.write and left["troubles"]:
            left["troubles"] -= 1
            return fault
        return None

    proxy.rule = rule
    second = own.replace(files(config_map("item-0", key="newer"), *config_maps(3)[1:], config_map("new")))

    own.settled(second)
    assert left["troubles"] < 5
    own.until(lambda: own.configs() == {"item-0", "item-1", "item-2", "new", "foreign"}, "the end state")
    assert (own.config("item-0") or {})["data"] == {"key": "newer"}
    assert (own.config("foreign") or {})["metadata"]["uid"] == uid


def test_a_list_that_breaks_off_after_its_first_page_deletes_nothing(own: Tenant, proxy: Proxy) -> None:
    agent = _start(own, proxy)
    commit = own.commit(files(*config_maps(6), service("web")))
    own.declare()
    own.settled(commit)
    agent.stop()
    for broken in (Fault(status=500, reason="InternalError"), Fault(status=410, reason="Expired"), Fault(tear=True)):
        proxy.page = 2
        proxy.rule = lambda call, broken=broken: broken if _second(call) else None
        agent = _start(own, proxy, f"agent-{len(own.installed.agents)}")
        own.repository.commit(files(config_map("item-0", key=f"newer-{len(own.installed.agents)}")))
        own.until(lambda: proxy.count(_second) > 3, "pages break off")
        own.ask()
        own.until(lambda known=agent: list(known.reconciles()), "the agent has looked")  # type: ignore[misc]
        assert len(own.configs()) == 6
        assert not [call for call in proxy.calls if call.method == "DELETE"]
        agent.stop()
    proxy.rule, proxy.page = None, 0
    last = own.repository.commit(files(config_map("item-0", key="last")))
    _start(own, proxy, "last")
    own.settled(last)
    assert len(own.configs()) == 6


def test_watches_that_end_all_the_time_lose_no_change(own: Tenant, proxy: Proxy) -> None:
    _start(own, proxy)
    commit = own.commit(files(config_map("good")))
    own.declare()
    own.settled(commit)

    for number in range(4):
        assert proxy.end_watches() > 0
        own.edit("ConfigMap", "good", {"data": {"key": f"by hand {number}"}})
        own.until(lambda: (own.config("good") or {})["data"] == {"key": "value"}, "the drift is repaired")


def test_a_watch_whose_place_is_forgotten_lists_again(own: Tenant, proxy: Proxy) -> None:
    _start(own, proxy)
    commit = own.commit(files(config_map("good"), config_map("gone")))
    own.declare()
    own.settled(commit)
    proxy.rule = lambda call: Fault(status=410, reason="Expired") if call.watch and "configmaps" in call.path else None
    proxy.end_watches()

    own.delete("ConfigMap", "gone")
    own.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    own.until(lambda: proxy.count(lambda call: call.watch and "configmaps" in call.path) > 2, "the watch is refused")
    proxy.rule = None

    own.until(lambda: (own.config("good") or {})["data"] == {"key": "value"}, "the drift is repaired")
    own.until(lambda: own.config("gone"), "what was deleted is back")


def test_a_kind_whose_list_hangs_holds_up_only_those_who_use_it(own: Tenant, proxy: Proxy) -> None:
    group = f"{own.namespace}.example.com"
    own.apply(crd(group), namespace="")
    proxy.rule = lambda call: Fault(hang=True) if group in call.path and "widgets" in call.path else None
    _start(own, proxy)
    parts = {f"good/{name}": text for name, text in files(config_map("good")).items()}
    parts |= {f"hung/{name}": text for name, text in files(widget(group, "w")).items()}
    commit = own.commit(parts)
    own.declare("hung", source={"path": "hung"})
    own.declare("good", source={"path": "good"})

    own.settled(commit, "good")
    assert own.condition("Ready", "hung").get("status") != "True"

    proxy.rule = None
    proxy.end_watches()
    own.delete("CustomResourceDefinition", f"widgets.{group}", namespace="", api="apiextensions.k8s.io/v1")


def test_an_api_server_that_is_away_for_a_while_is_waited_for(own: Tenant, proxy: Proxy) -> None:
    agent = _start(own, proxy)
    commit = own.commit(files(config_map("good")))
    own.declare()
    own.settled(commit)

    proxy.rule = lambda _: Fault(status=503, reason="ServiceUnavailable")
    proxy.end_watches()
    own.edit("ConfigMap", "good", {"data": {"key": "by hand"}})
    newer = own.repository.commit(files(config_map("more")))
    refused = proxy.count()
    own.until(lambda: proxy.count() > refused + 5, "the agent asks again")
    proxy.rule = None

    own.ask()
    own.settled(newer)
    own.until(lambda: (own.config("good") or {})["data"] == {"key": "value"}, "the drift is repaired")
    assert agent.process.poll() is None


def test_the_api_server_is_restarted_under_the_agent(tmp_path: Path) -> None:
    with (
        ControlPlane.start(tmp_path / "plane", nodes=1, tied=True) as plane,
        InstalledAgent(plane, "gitops-agent", tmp_path / "installed") as installed,
    ):
        agent = installed.start(settings=SINGLE)
        plane.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        team = Tenant(installed, agent, "shop", tmp_path / "team")
        commit = team.commit(files(*config_maps(3)))
        team.declare()
        team.settled(commit)
        uid = (team.config("item-0") or {})["metadata"]["uid"]

        plane.restart("kube-apiserver")
        team.edit("ConfigMap", "item-0", {"data": {"key": "by hand"}})
        newer = team.commit(files(config_map("more")))

        team.settled(newer)
        team.until(lambda: (team.config("item-0") or {})["data"] == {"key": "value"}, "the drift is repaired")
        assert (team.config("item-0") or {})["metadata"]["uid"] == uid
        assert agent.process.poll() is None
        assert agent.stop() == 0
