"""Agents behind a proxy that are killed at their nth call."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.acceptance.installed_agent import Agent
from tests.acceptance.proxy import Call, Fault, Proxy
from tests.acceptance.tenant import Tenant

EVERYWHERE = "GITOPS_AGENT_TEST_EVERY_CALL"
"""Environment variable: kill at every single call, which takes from several minutes to an hour."""

SINGLE = {"leader__enabled": "false"}
"""Settings of an agent that is alone and acts at once."""


def start(team: Tenant, proxy: Proxy) -> Agent:
    """Starts the team's agent anew, behind the proxy."""
    agent = team.installed.start(
        f"agent-{len(team.installed.agents)}", kubeconfig=team.installed.kubeconfig_for(proxy.url, "proxied"), settings=SINGLE
    )
    team.agent = agent
    return agent


def killer(team: Tenant, proxy: Proxy, which: Callable[[Call], bool], *, nth: int) -> threading.Event:
    """Kills the agent at its nth call of a sort.

    Before it is passed on, or (for even numbers) after it was.
    """
    agent = team.agent
    assert agent is not None
    killed = threading.Event()
    lock = threading.Lock()
    seen = 0

    def kill() -> None:
        agent.kill()
        killed.set()

    def rule(call: Call) -> Fault | None:
        nonlocal seen
        if not which(call):
            return None
        with lock:
            seen += 1
            if seen != nth:
                return None
        return Fault(after=kill) if nth % 2 == 0 else Fault(before=kill)

    proxy.rule = rule
    return killed
