"""Secrets the agent reads: credentials, tokens of notifiers, values of variables.

A user who may write Applications chooses both the Secret with the credentials of a repository and the host it is sent to. An
annotation on the Secret, and a setting of the installation, limit the hosts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from gitops_agent.agent.stores.watched_objects import WatchedObjects
from gitops_agent.api.application_rules import matches
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import SourceError
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.marks import ALLOWED_HOSTS


class SecretStore(WatchedObjects):
    """The Secrets in use; thread-safe.

    Args:
        objects: the cluster.
        hosts: patterns of the Git hosts that may receive credentials; all when empty.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, hosts: Sequence[str] = (), *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(objects, SECRET, clock=clock)
        self._hosts = tuple(hosts)

    def data_for(self, namespace: str, name: str, host: str) -> Mapping[str, bytes]:
        """Decoded content of a Secret that is sent to a Git host.

        Raises:
            SourceError: the host may not receive it, or see `data`.
            AgentError: see `data`.
        """
        watched = self._answered(namespace, name)
        data, allowed = self._content(watched, namespace, name), watched.annotations.get(ALLOWED_HOSTS)
        patterns = None if allowed is None else [part.strip() for part in allowed.split(",")]
        for rule, source in ((patterns, f"its annotation {ALLOWED_HOSTS}"), (self._hosts or None, "source.allowedSecretHosts")):
            if rule is not None and not any(matches(pattern.lower(), host.lower()) for pattern in rule if pattern):
                text = f"Secret {namespace}/{name} may not be sent to {host or 'no host'}: {source} does not name it"
                raise SourceError(text, reason="SecretHostRefused")
        return data
