"""First installation of all applications until Healthy, against the floor.

The floor cannot be beaten: the same objects as ready JSON through sixteen connections, without Git, renders, status or
health, until every Deployment is available. It is measured before and after the agent, since a machine that others use too is
not the same one a minute later.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.cluster_env import ClusterEnv, Figure, cpu_seconds, family, metrics, name, rendered, resident_mib
from benchmarks.ready_watch import ReadyWatch
from gitops_agent.manifest.key import Object

_FLOOR_PREFIX = "floor-"


def measure(world: ClusterEnv) -> list[Figure]:
    """The floor, the agent, their ratio, and what the agent used."""
    first = _floor(world, "before")
    agent = world.agent()
    world.spectator.until("the agent leads", lambda: any(e.get("event") == "leading" for e in agent.events()))
    commit = world.repository.head()
    before = cpu_seconds(agent.process.pid)
    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: world.spectator.objects.apply(world.application(number)), range(world.count)))
    world.wait_until_settled(commit)
    seconds = time.monotonic() - started
    world.running = agent
    used, resident = cpu_seconds(agent.process.pid) - before, resident_mib(agent.process.pid)
    workers = sum(resident_mib(member) for member in family(agent.process.pid)[1:])
    numbers = metrics(agent)
    last = _floor(world, "after")
    floor = (first + last) / 2
    requests = sum(value for key, value in numbers.items() if key.startswith("api_requests"))
    return [
        Figure("install: floor", floor, "s", f"{world.count * 5} objects as JSON through 16 connections, until available"),
        Figure("install: floor, before", first, "s", "the machine's state shows in the difference"),
        Figure("install: floor, after", last, "s"),
        Figure("install: agent", seconds, "s", f"{world.count} applications of 5 objects, real kustomize, until Ready"),
        Figure("install: ratio", seconds / floor, "x", "goal 1.5"),
        Figure("install: agent's CPU", used, "s", "renders included"),
        Figure("install: agent's memory", resident, "MiB"),
        Figure("install: memory of render workers", workers, "MiB", "pages they share are counted once for each"),
        Figure("install: API requests", requests, "", f"{requests / (world.count * 5):.1f} an object"),
        Figure("install: renders", numbers.get("renders", 0), ""),
    ]


def _floor(world: ClusterEnv, when: str) -> float:
    """Seconds until the same objects are available in other namespaces.

    They are removed again.
    """
    template = rendered(world.repository.work / "apps" / name(0))
    objects = world.spectator.objects
    namespaces = {f"{_FLOOR_PREFIX}{when}-{number:04d}" for number in range(world.count)}

    def moved(obj: Object, namespace: str) -> Object:
        return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}

    bodies = [moved(obj, namespace) for namespace in namespaces for obj in template]
    deployments = world.spectator.discovery.find("apps", "Deployment")

    def available(deployment: Object) -> bool:
        ours = deployment["metadata"]["namespace"] in namespaces
        return ours and bool((deployment.get("status") or {}).get("availableReplicas"))

    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}}), namespaces))
        list(pool.map(objects.apply, bodies))
    ReadyWatch(world.spectator.transport, deployments, available).until(world.count, "the floor is available")
    seconds = time.monotonic() - started
    resource = world.spectator.discovery.find("", "Namespace")
    for obj in objects.list(resource).items:
        if obj["metadata"]["name"].startswith(_FLOOR_PREFIX):
            world.spectator.transport.request("DELETE", resource.path(name=obj["metadata"]["name"]))

    def gone() -> bool:
        return not any(
            o["metadata"]["name"].startswith(_FLOOR_PREFIX) for o in objects.list(resource, metadata_only=True).items
        )

    world.spectator.until("the floor is removed", gone, seconds=600)
    return seconds
