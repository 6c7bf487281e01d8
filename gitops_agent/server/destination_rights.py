"""Who sees an Application by the namespace that it deploys to.

Problem: where Applications lie in the namespace of the agent, teams have no rights on them, but rights in the namespaces of
their objects. Decision: with `dashboard.visibility: destination`, who may `get pods` in the destination of an Application sees
it. Rights on the Application itself show it in any case, and actions need them as ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import AppKey, Object

_KNOWN_SECONDS = 300.0
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_EVERYWHERE = ""


class Destinations:
    """The namespace that each Application deploys to.

    Args:
        read: the live Application of a key, None when there is none.
    """

    def __init__(self, read: Callable[[AppKey], Object | None]) -> None:
        self._read = read
        self._last: dict[AppKey, str] = {}

    def of(self, key: AppKey) -> str:
        """The namespace that an Application deploys to, or did last.

        For one that never was it is that of the key, so the same is requested for a hidden Application and an absent one.
        """
        live = self._read(key)
        if live is None:
            return self._last.get(key, key.namespace)
        declared = ((live.get("spec") or {}).get("destination") or {}).get("namespace")
        self._last[key] = namespace = str(declared or key.namespace)
        return namespace


class DestinationRights:
    """What a viewer sees by their rights on pods; thread-safe.

    Args:
        destinations: where Applications deploy to.
        access: the cluster as the viewer.
    """

    def __init__(self, destinations: Destinations, access: ClusterClient) -> None:
        self._destinations, self._access = destinations, access
        self._lock = threading.Lock()
        self._verdicts: dict[str, tuple[float, bool]] = {}

    def show(self, key: AppKey) -> bool:
        """Whether they show an Application, up to five minutes old.

        Raises:
            AgentError: the API server does not say.
        """
        return self._asked(_EVERYWHERE) or self._asked(self._destinations.of(key))

    def are_known_to_show(self, key: AppKey) -> bool:
        """The last known verdict, without a request; no where none is known."""
        namespace = self._destinations.of(key)
        with self._lock:
            return any(self._verdicts.get(each, (0.0, False))[1] for each in (_EVERYWHERE, namespace))

    def review(self) -> None:
        """Asks again about what was asked too long ago.

        Raises:
            AgentError: the API server does not say.
        """
        with self._lock:
            namespaces = tuple(self._verdicts)
        for namespace in namespaces:
            self._asked(namespace)

    def _asked(self, namespace: str) -> bool:
        with self._lock:
            at, allowed = self._verdicts.get(namespace, (float("-inf"), False))
        if time.monotonic() - at < _KNOWN_SECONDS:
            return allowed
        attributes = {"group": "", "resource": "pods", "verb": "get", "namespace": namespace}
        spec = {"resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        answer = self._access.transport.request("POST", _REVIEW, body=body)
        allowed = bool(((answer or {}).get("status") or {}).get("allowed"))
        with self._lock:
            self._verdicts[namespace] = (time.monotonic(), allowed)
        return allowed
