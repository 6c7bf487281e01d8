"""Cached discovery of the kinds the API server serves.

Problem: kinds come and go with CRDs and aggregated API servers. A dead aggregated API must not hide the others, and must not
make its own kinds look as if they did not exist; a thousand applications that wait for one CRD must not ask a thousand times.
Decision: aggregated discovery with entity tags (an unchanged answer costs a 304), one lock, a rate limit, and three answers:
the resource, `UnknownKind`, or `CannotSee` where its group does not answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from gitops_agent.cluster.catalog import Catalog, Directory
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import CannotSee, ClusterError, UnknownKind, did_you_mean
from gitops_agent.manifest.key import GroupKind

_ASK_AGAIN_SECONDS = 1.0


class Discovery:
    """The kinds of one cluster; safe to share between threads.

    Args:
        transport: the API server.
        clock: monotonic seconds.
    """

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = Directory(transport)
        self._clock = clock
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._asked = float("-inf")
        self._stale_groups: set[str] = set()
        self._all_stale = False

    def find(self, group: str, kind: str, version: str | None = None) -> Resource:
        """The resource of a kind, in the preferred version by default.

        Raises:
            UnknownKind: the server does not know it (yet).
            CannotSee: its group is served by an API server that does not answer.
            ClusterError: discovery failed.
        """
        with self._lock:
            catalog = self._current(group)
            resource = catalog.find(group, kind, version)
            if resource is None and self._may_ask():
                catalog = self._ask()
                resource = catalog.find(group, kind, version)
        if resource is not None:
            return resource
        shown = GroupKind(group, kind)
        if group in catalog.blind:
            raise CannotSee(f"{shown} cannot be seen: {catalog.blind[group]}", group=group, kind=kind)
        named = f"{shown} in version {version}" if version else f"{shown}"
        served = catalog.versions(group, kind)
        hint = f" (it is served as {', '.join(served)})" if served else ""
        if not served:
            hint = did_you_mean(catalog.similar(group, kind)) or (": its CRD is not installed" if "." in group else "")
        raise UnknownKind(
            f"the cluster knows no {named}{hint}", group=group, kind=kind, version=version or "", served=list(served)
        )

    def lookup(self, name: str) -> Resource:
        """The resource a user means: plural, singular, short name or kind.

        It may be followed by `.group`.

        Raises:
            UnknownKind: nothing is called that.
            ClusterError: discovery failed.
        """
        with self._lock:
            catalog = self._current(None)
            resource = catalog.lookup(name)
            if resource is None and self._may_ask():
                catalog = self._ask()
                resource = catalog.lookup(name)
        if resource is not None:
            return resource
        raise UnknownKind(f"the cluster knows no kind called {name!r}{did_you_mean(catalog.near(name))}", kind=name)

    def kinds(self) -> tuple[Resource, ...]:
        """Every listable kind once, in its preferred version.

        Raises:
            ClusterError: discovery failed.
        """
        with self._lock:
            return tuple(resource for resource in self._current(None).preferred() if "list" in resource.verbs)

    def blind(self) -> Mapping[str, str]:
        """The groups whose kinds cannot be seen, and why.

        Raises:
            ClusterError: discovery failed.
        """
        with self._lock:
            return dict(self._current(None).blind)

    def invalidate(self, group: str | None = None) -> None:
        """Expires the cache of a group, or of all when None."""
        with self._lock:
            if group is None:
                self._all_stale = True
            else:
                self._stale_groups.add(group)

    def _current(self, group: str | None) -> Catalog:
        """The cached catalog, read again when stale for this group."""
        if self._catalog is None:
            return self._ask()
        stale = self._all_stale or (bool(self._stale_groups) if group is None else group in self._stale_groups)
        if not stale:
            return self._catalog
        try:
            return self._ask()
        except ClusterError:
            # The cached answer is still the best one; the calls it leads to report what is wrong.
            return self._catalog

    def _may_ask(self) -> bool:
        return self._clock() - self._asked >= _ASK_AGAIN_SECONDS

    def _ask(self) -> Catalog:
        self._asked = self._clock()
        self._catalog = self._directory.read()
        self._all_stale = False
        self._stale_groups.clear()
        return self._catalog
