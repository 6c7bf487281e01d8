"""Secrets the agent reads: credentials, tokens of notifiers, values of variables.

Those that are sent come with the hosts that their annotation allows; who sends one asks them first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from gitops_agent.agent.stores.watched_objects import WatchedObjects
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import SecretContent, allowed_hosts
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.manifest.kinds import SECRET


class SecretStore(WatchedObjects):
    """The Secrets in use; thread-safe.

    Args:
        objects: the cluster.
        git: the hosts that may receive credentials of repositories.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, git: AllowedHosts = ANYWHERE, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(objects, SECRET, clock=clock)
        self._git = git

    def read(self, namespace: str, name: str) -> SecretContent:
        """Content of a Secret to be sent; raises as `data` does."""
        watched = self._answered(namespace, name)
        data = self._content(watched, namespace, name)
        # Read after the data, and stored before them: no data is paired with the hosts of an earlier version.
        metadata = {"namespace": namespace, "name": name, "annotations": watched.annotations}
        return SecretContent(data=data, hosts=allowed_hosts({"metadata": metadata}))

    def git_credentials(self, namespace: str, name: str, host: str) -> Mapping[str, bytes]:
        """Decoded content of a Secret that is sent to a Git host.

        Raises:
            HostRefused: the host may not receive it.
            AgentError: see `data`.
        """
        content = self.read(namespace, name)
        replace(self._git, subject=f"Secret {namespace}/{name}", reason="SecretHostRefused").check(host)
        return content.sent_to(host)
