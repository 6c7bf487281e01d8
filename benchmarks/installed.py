"""An agent with all applications installed, as a starting point."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from benchmarks.cluster_env import ClusterEnv
from gitops_agent.sandbox.demo.agent import AgentProcess


def installed(world: ClusterEnv) -> AgentProcess:
    """The running agent, started and fed when there is none yet."""
    agent = world.running
    if agent is None or agent.process.poll() is not None:
        agent = world.agent()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda number: world.spectator.objects.apply(world.application(number)), range(world.count)))
        world.wait_until_settled(world.repository.head())
        world.running = agent
    return agent
