"""Keeps the key of the seals in a Secret.

The Secret lies in the agent's namespace, and the first leader fills it. All replicas read it, so a mark outlives the process
that wrote it. `deploy/` installs the Secret empty, since a role cannot limit a creation to a name; the agent may then read and
patch exactly that one. Without the key no mark can be verified, and nothing is pruned until it can; the agent tries again every
half minute.
"""

from __future__ import annotations

import base64
import secrets
import threading

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Conflict, NotFound
from gitops_agent.install.bundle import MARK_KEY, NAME, PART_OF
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.mark_authority import KEY_ENTRY, MarkAuthority, secret_key
from gitops_agent.observe.log import logger
from gitops_agent.sync.live.live_state import LiveState

_log = logger("agent")
_FIELD_MANAGER = "gitops-agent-marks"
_KEY_BYTES = 32
_TRIES = 3
_RETRY_SECONDS = 30.0
_JOIN_SECONDS = 5.0


class MarkKeyStore:
    """Gives the authority its key before anything is observed.

    Args:
        objects: the cluster.
        live: its objects are verified again once a late key arrives.
        authority: receives the key.
        namespace: of the agent.
        wake: wakes the applications whose objects were unverified.
    """

    def __init__(self, objects: Objects, live: LiveState, authority: MarkAuthority, namespace: str, wake: Wake) -> None:
        self._objects, self._live, self._authority, self._wake = objects, live, authority, wake
        self._secret = SECRET.named(namespace, MARK_KEY)
        self._stop = threading.Event()
        self._retry = threading.Thread(target=self._try_again, name="mark-key", daemon=True)

    def start(self) -> None:
        """Reads or makes the key; tries again in the background."""
        if not self._try():
            self._retry.start()

    def stop(self) -> None:
        """Ends the attempts."""
        self._stop.set()
        if self._retry.ident is not None:
            self._retry.join(_JOIN_SECONDS)

    def _try_again(self) -> None:
        while not self._stop.wait(_RETRY_SECONDS):
            if self._try():
                for application in sorted(self._live.verify()):
                    self._wake(application, "the key of the marks is known", Priority.RESYNC)
                return

    def _try(self) -> bool:
        try:
            self._authority.use(self._key())
        except AgentError as error:
            self._authority.problem = str(error)
            _log.warning("marks cannot be verified, so nothing is pruned", secret=str(self._secret), error=error)
            return False
        return True

    def _key(self) -> bytes:
        """The key, made where the Secret has none.

        Raises:
            AgentError: it can be neither read nor made.
        """
        error: AgentError = Conflict(f"{self._secret} changes all the time", code="Conflict")
        for _ in range(_TRIES):
            secret = self._read()
            if secret is not None and (key := secret_key(secret)):
                return key
            try:
                key = secret_key(self._create() if secret is None else self._fill(secret))
            except Conflict as conflict:
                error = conflict  # another replica made it
                continue
            _log.info("made a key for marks", secret=str(self._secret))
            return key
        raise error

    def _read(self) -> Object | None:
        try:
            return self._objects.get(self._secret)
        except NotFound:
            return None

    def _create(self) -> Object:
        metadata = {"namespace": self._secret.namespace, "name": self._secret.name, "labels": {PART_OF: NAME}}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": _new_key()}
        return self._objects.create(body, field_manager=_FIELD_MANAGER)

    def _fill(self, secret: Object) -> Object:
        body = {"metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]}, "data": _new_key()}
        return self._objects.merge_patch(self._secret, body, field_manager=_FIELD_MANAGER)


def _new_key() -> dict[str, str]:
    return {KEY_ENTRY: base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}
