"""The leader's end of the chat."""

from __future__ import annotations

from gitops_agent.agent.runtime import Runtime
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.config import Settings
from gitops_agent.errors import AgentError, Unavailable
from gitops_agent.manifest.key import Object
from gitops_agent.observe.log import logger
from gitops_agent.server.agent_source import AgentSource
from gitops_agent.server.chat.identities import Identities, identities_of
from gitops_agent.server.chat.service import ChatBackend

SIGNING = "signing-secret"
"""The key of the Secret."""
_log = logger("chat")


class ChatLeader(ChatBackend):
    """Asks the replica whether it leads, for every request anew.

    Secret and ConfigMap stay watched, so a request costs no read of them.

    Args:
        runtime: the replica.
        settings: the effective configuration.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.source = AgentSource(runtime)
        self.files, self.four_eyes = settings.source.allow_file, settings.chat.four_eyes
        self._runtime, self._namespace = runtime, settings.cluster.namespace
        self._secret, self._people = settings.chat.secret, settings.chat.identities
        self._read: tuple[object, Identities] | None = None

    def secrets(self) -> tuple[bytes, ...] | None:
        """Signing secrets; none where the Secret is missing."""
        stores = self._runtime.stores
        if stores is None:
            return None
        try:
            held = stores.secrets.hold(self._namespace, self._secret)
            data = held if held is not None else stores.secrets.data(self._namespace, self._secret)
        except AgentError as error:
            _log.warning("the signing secret of Slack cannot be read", secret=self._secret, error=error)
            return ()
        return tuple(line.strip() for line in data.get(SIGNING, b"").splitlines() if line.strip())

    def identities(self) -> Identities:
        """The list as the ConfigMap has it now.

        Raises:
            AgentError: it is missing, or cannot be used.
        """
        stores, name = self._runtime.stores, self._people
        if stores is None:
            raise _following()
        held = stores.config_maps.hold(self._namespace, name)
        data = held if held is not None else stores.config_maps.data(self._namespace, name)
        read = self._read
        if read is not None and read[0] is data:
            return read[1]
        identities = identities_of(data, f"ConfigMap {self._namespace}/{name}")
        self._read = (data, identities)
        return identities

    def access(self) -> ClusterClient:
        """The cluster as the leader.

        Raises:
            Unavailable: this replica follows.
        """
        components = self._runtime.components
        if components is None:
            raise _following()
        return components.access

    def record(self, obj: Object, message: str) -> None:
        """Records an Event of the kind `Requested`."""
        components = self._runtime.components
        if components is not None:
            components.events.record(obj, "Requested", message)


def _following() -> Unavailable:
    return Unavailable("this replica does not lead: try again", status=503)
