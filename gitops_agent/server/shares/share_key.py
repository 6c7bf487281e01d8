"""Keeps the key of share links in a Secret.

The Secret lies in the agent's namespace. The first link makes the key. It is read again after half a minute, so a key that is
replaced or removed revokes every link within that time, on every replica.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.mark_authority import KEY_ENTRY, secret_key

SHARE_SECRET = "gitops-agent-dashboard"  # noqa: S105 - the name of a Secret
_KEY_BYTES = 32
_TRIES = 3
_KNOWN_SECONDS = 30.0


class ShareKey:
    """The key, as the Secret has it.

    Args:
        objects: the cluster, as the agent.
        namespace: of the agent.
    """

    def __init__(self, objects: Objects, namespace: str) -> None:
        self._objects = objects
        self.secret = SECRET.named(namespace, SHARE_SECRET)
        self._lock = threading.Lock()
        self._read_at, self._key = float("-inf"), b""

    def read(self) -> bytes:
        """The key; empty where there is none.

        Raises:
            AgentError: the Secret cannot be read.
        """
        with self._lock:
            if time.monotonic() - self._read_at > _KNOWN_SECONDS:
                self._keep(self._live())
            return self._key

    def read_or_make(self) -> bytes:
        """The key, made where there is none.

        Raises:
            NotFound: the Secret is not installed.
            AgentError: it can be neither read nor written.
        """
        with self._lock:
            for _ in range(_TRIES):
                secret = self._live()
                if secret is None:
                    raise NotFound(
                        f"{self.secret} is not there: install the component dashboard, or create it empty", status=404
                    )
                try:
                    key = self._keep(secret) or self._keep(self._fill(secret))
                except Conflict:
                    continue  # another replica made it
                return key
        raise Conflict(f"{self.secret} changes all the time", status=409)

    def _live(self) -> Object | None:
        try:
            return self._objects.get(self.secret)
        except NotFound:
            return None

    def _fill(self, secret: Object) -> Object:
        data = {KEY_ENTRY: base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}
        body = {"metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]}, "data": data}
        return self._objects.merge_patch(self.secret, body)

    def _keep(self, secret: Object | None) -> bytes:
        self._read_at, self._key = time.monotonic(), secret_key(secret) if secret is not None else b""
        return self._key
