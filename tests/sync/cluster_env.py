"""Whole passes against the real API server, without watches.

Plan, preflight, execute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.apply.executor import Executor, Result
from gitops_agent.sync.desired import Desired, build
from gitops_agent.sync.live.live_object import observe
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.plan import Plan, plan
from gitops_agent.sync.planning.policy import PlanPolicy
from tests.sync.samples import manifests

POLICY = PlanPolicy()


class ClusterEnv:
    """An application, its executor, and the live state it fetched.

    `live` knows what its executor wrote and what `look` fetched.
    """

    def __init__(self, objects: Objects, discovery: Discovery, namespace: str, pool: ThreadPoolExecutor) -> None:
        self.objects, self.discovery, self.namespace = objects, discovery, namespace
        self.application = AppKey("gitops-system", f"app-of-{namespace}")
        self.live = LiveState()
        self.live.complete = True
        self.executor = Executor(objects, pool, self.live)
        self.commit = "a" * 40

    def scope(self, kind: GroupKind) -> bool | None:
        """Asks the cluster."""
        try:
            return self.discovery.find(kind.group, kind.kind).namespaced
        except AgentError:
            return None

    def desired(self, *objects: Object) -> Desired:
        """The desired state of these objects."""
        return build(
            manifests(*objects),
            application=self.application,
            revision=Revision(repository="https://git.test/r.git", ref="main", commit=self.commit),
            namespace=self.namespace,
            scope=self.scope,
        )

    def plan(self, *objects: Object, policy: PlanPolicy = POLICY, **options: Any) -> Plan:
        """The plan for these objects against what is known to be live."""
        desired = self.desired(*objects)
        return plan(
            desired, self.live.snapshot(self.application, [manifest.key for manifest in desired.manifests]), policy, **options
        )

    def sync(
        self, *objects: Object, policy: PlanPolicy = POLICY, stop: Callable[[], bool] = lambda: False, **options: Any
    ) -> Result:
        """Plans and executes."""
        return self.executor.execute(self.plan(*objects, policy=policy, **options), stop=stop)

    def look(self, *keys: ObjectKey) -> None:
        """Fetches what the watches would have reported by now."""
        for key in keys:
            try:
                self.live.put(observe(self.objects.get(key)))
            except AgentError:
                self.live.remove(key, "")

    def restart(self) -> None:
        """Forgets everything a process forgets, and lists what is live again."""
        keys = list(self.live.of(self.application))
        self.live = LiveState()
        self.live.complete = True
        self.executor = Executor(self.objects, self.executor._pool, self.live)
        self.look(*keys)

    def key(self, kind: str, name: str, group: str = "") -> ObjectKey:
        """A key in the stage's namespace."""
        return ObjectKey(group, kind, self.namespace, name)


@contextmanager
def staged(objects: Objects, discovery: Discovery, namespace: str) -> Iterator[ClusterEnv]:
    """A stage whose threads end with it."""
    with ThreadPoolExecutor(8, thread_name_prefix="apply") as pool:
        yield ClusterEnv(objects, discovery, namespace, pool)
