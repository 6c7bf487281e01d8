"""Our resources from the leader's memory: no request and no copy."""

from __future__ import annotations

from gitops_agent.agent.runtime import Runtime
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, Unavailable
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import GROUP, ROLLOUT_POLICY
from gitops_agent.observe import metrics
from gitops_agent.observe.recent_count import KEPT_SECONDS
from gitops_agent.preview.kept_repository import KeptRepository
from gitops_agent.server.source import Listener, Work
from gitops_agent.source.chart.chart_ref import ChartSource
from gitops_agent.source.following import chart_beside, followed
from gitops_agent.source.values import values_beside

_RETRY_SECONDS = 2.0


class AgentSource:
    """What the leader knows.

    Args:
        runtime: the replica.
    """

    name = "memory"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def applications(self) -> tuple[AppKey, ...]:
        """The keys of all Applications.

        Raises:
            Unavailable: this replica does not lead.
        """
        return self._stores().applications.keys()

    def application(self, key: AppKey) -> Object | None:
        """An Application."""
        return self._stores().applications.raw(key)

    def policy(self, key: AppKey) -> Object | None:
        """A RolloutPolicy."""
        return self._stores().policies.get(ROLLOUT_POLICY.named(key.namespace, key.name))

    def policies(self) -> list[Object]:
        """All RolloutPolicies."""
        return self._stores().policies.every()

    def notifiers(self, access: ClusterClient) -> list[Object]:
        """The Notifiers, of which the agent keeps no copy, as the viewer."""
        try:
            return access.objects.list(access.discovery.find(GROUP, "Notifier"), namespace=access.namespace).items
        except AgentError:
            return []

    def kept(self, application: Object) -> KeptRepository | None:
        """The mirror of a followed repository; None with charts or values."""
        components = self._runtime.components
        if components is None:
            return None
        try:
            parsed = parse(application)
            repository, ref = followed(parsed.key.namespace, parsed.spec.source)
            render = parsed.spec.render
            if isinstance(repository, ChartSource) or chart_beside(parsed.key.namespace, render) is not None:
                return None
            if values_beside(parsed.key.namespace, render):
                return None
            sources = components.poller.sources
            newest = str(((application.get("status") or {}).get("source") or {}).get("revision") or "")
            tip = sources.revision(repository, ref, newest) if newest else sources.resolve(repository, ref)
        except AgentError:
            return None
        return KeptRepository(sources=sources, repository=repository, tip=tip, paths=components.renders.paths(parsed.key))

    def work(self) -> Work | None:
        """Queue, polls and blind spots of the leader."""
        components = self._runtime.components
        if components is None:
            return None
        queue, poller, hints = components.queue, components.poller, components.hints
        sent = components.access.transport.traffic.recent
        repositories = poller.repositories()
        polls = ((repository, poller.state(repository).at) for repository in repositories)
        pushes = ((repository, hints.last(repository)) for repository in repositories)
        return Work(
            ready=queue.depth(),
            working=len(queue.running),
            oldest_seconds=queue.oldest(),
            cannot_see={str(kind): why for kind, why in dict(components.stores.live.cannot_see).items()},
            polled={repository.url: at for repository, at in polls if at is not None},
            hinted={repository.url: at for repository, at in pushes if at is not None},
            webhooks=self._runtime.takes_webhooks,
            reconciles=metrics.RECENT_RECONCILES.within(60),
            api_requests=sent.within(KEPT_SECONDS),
            api_seconds=min(sent.age(), KEPT_SECONDS),
            memory_bytes=metrics.resident_bytes(),
        )

    def problem(self) -> str:
        """Why nothing is known."""
        return "" if self._runtime.stores is not None else "this replica does not lead"

    def listen(self, listener: Listener) -> None:
        """Sets the one that is called after each change."""
        self._runtime.observe(listener)

    def _stores(self) -> Stores:
        stores = self._runtime.stores
        if stores is None:
            raise Unavailable(
                "this replica does not lead, and knows nothing: try again", status=503, retry_after=_RETRY_SECONDS
            )
        return stores
