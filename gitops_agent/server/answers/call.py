"""A request as the answers see it: checked, typed, and without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import Forbidden, NotFound
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.server.plan_cache import PlanCache, RecentValues
from gitops_agent.server.rows import Rows
from gitops_agent.server.shares.share_links import ShareLinks
from gitops_agent.server.source import Source
from gitops_agent.server.viewer import Viewer, visible
from gitops_agent.server.views.base import View

_INPUTS_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What all answers are made from.

    Attributes:
        source: our resources.
        rows: of the Applications.
        plans: computed lately.
        mode: `agent` or `laptop`.
        cluster: the name of the cluster, for people.
        files: whether repositories of this machine may be read, as `file://` names them.
        inputs: paths that renders read, by viewer, Application and commit.
        folder: where repositories of the viewer are kept between answers; None for not at all.
        viewers: the number of open streams.
        shares: makes and opens share links; None where there are none.
    """

    source: Source
    rows: Rows
    plans: PlanCache
    mode: str
    cluster: str
    files: bool = True
    inputs: RecentValues[frozenset[str]] = field(default_factory=lambda: RecentValues(_INPUTS_SECONDS))
    folder: Path | None = None
    viewers: Callable[[], int] = field(default=lambda: 0)
    shares: ShareLinks | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        service: what answers are made from.
        viewer: who asks.
        names: from the path.
        query: from the address, with defaults filled in.
        body: the checked body.
    """

    service: Service
    viewer: Viewer
    names: Mapping[str, str]
    query: Mapping[str, str]
    body: View | None = None

    @property
    def key(self) -> AppKey:
        """Namespace and name of the path."""
        return AppKey(self.names["namespace"], self.names["name"])

    def application(self) -> Object:
        """The Application of the path.

        Raises:
            NotFound: there is none that the viewer may see.
        """
        return visible(self.service.source, self.viewer, self.key)

    def access(self, namespace: str) -> ClusterClient:
        """The cluster as the viewer, with a namespace."""
        return replace(self.viewer.access, namespace=namespace)

    def demand(self, verb: str, resource: str) -> None:
        """Refuses what the agent would write for a viewer without the right.

        With their own credentials the API server decides, when it is written.

        Raises:
            Forbidden: naming the verb that is missing.
        """
        if self.viewer.delegated and (missing := self.viewer.rights(self.key.namespace).missing(verb, resource, self.key.name)):
            raise Forbidden(f"{self.viewer.user} may not {missing} {resource} in {self.key.namespace}", status=403)

    def policy(self) -> Object:
        """The RolloutPolicy of the path.

        Raises:
            NotFound: there is none of an Application that the viewer may see.
        """
        from gitops_agent.manifest.marks import owner

        policy = self.service.source.policy(self.key)
        declaring = owner(policy) if policy is not None else None
        if policy is None or declaring is None or not self.viewer.sees(declaring):
            raise NotFound(
                f"there is no RolloutPolicy {self.key.name} in namespace {self.key.namespace} that you may see", status=404
            )
        return policy


Answer = Callable[[Call], View]
"""Makes the view of one route; runs in a thread of its own and may block."""


def now() -> str:
    """The server's time."""
    return timestamp(datetime.now(UTC))
