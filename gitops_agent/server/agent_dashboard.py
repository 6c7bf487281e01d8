"""The dashboard of the agent: the leader's memory, by viewers' rights."""

from __future__ import annotations

from urllib.parse import urlsplit

from gitops_agent.agent.runtime import Runtime
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.server.agent_source import AgentSource
from gitops_agent.server.answers.call import Service
from gitops_agent.server.destination_rights import Destinations
from gitops_agent.server.http.app import Dashboard
from gitops_agent.server.http.badges import Badges
from gitops_agent.server.http.event_stream import EventStreams
from gitops_agent.server.http.headers import Origins
from gitops_agent.server.http_server import HttpServer
from gitops_agent.server.listening import listen
from gitops_agent.server.plan_cache import PlanCache
from gitops_agent.server.rows import Rows
from gitops_agent.server.shares.share_key import ShareKey
from gitops_agent.server.shares.share_links import ShareLinks
from gitops_agent.server.shares.shared_viewer import closed
from gitops_agent.server.sign_in import sign_in_of
from gitops_agent.server.tls import TlsFiles


class AgentDashboard:
    """Serves while the agent runs.

    Args:
        settings: the effective configuration.
        runtime: the replica; a follower answers 503.
        transport: to the API server, as the agent.

    Raises:
        AgentError: the port is taken.
    """

    def __init__(self, settings: Settings, runtime: Runtime, transport: Transport) -> None:
        external = urlsplit(settings.server.external_url)
        source, address = AgentSource(runtime), settings.server.external_url
        rows = Rows(source.application, source.policy)
        streams = EventStreams(rows, source.applications)
        service = Service(
            source=source,
            rows=rows,
            plans=PlanCache(),
            mode="agent",
            cluster=external.hostname or transport.host,
            files=settings.source.allow_file,
            viewers=lambda: streams.count,
            shares=_shares(settings, transport) if settings.dashboard.share_links else None,
        )
        destinations = Destinations(source.application) if settings.dashboard.visibility == "destination" else None
        sign_in = sign_in_of(settings, transport, destinations)
        badges = Badges(settings.dashboard.badges, source.application)
        hosts = frozenset(name.lower() for name in (external.netloc, *settings.dashboard.allowed_hosts) if name)
        self._dashboard = Dashboard(
            service,
            sign_in.sessions,
            Origins(hosts=hosts),
            streams,
            secure=address.startswith("https:"),
            pages=[*sign_in.pages, *badges.routes()],
        )
        tls = _tls(settings)
        listener = listen(settings.dashboard.address, settings.dashboard.port, setting="dashboard")
        self._server = HttpServer(self._dashboard, listener, name="http-ui", tls=tls)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    def start(self) -> None:
        """Begins to serve."""
        self._server.start()

    def stop(self) -> None:
        """Ends the streams, then the server."""
        self._dashboard.stop()
        self._server.stop()


def _tls(settings: Settings) -> TlsFiles | None:
    certificate, key = settings.dashboard.tls_certificate, settings.dashboard.tls_key
    if certificate is None or key is None:
        return None
    return TlsFiles(certificate=certificate, key=key, clients=settings.dashboard.proxy_ca, names=settings.dashboard.proxy_names)


def _shares(settings: Settings, transport: Transport) -> ShareLinks:
    objects, namespace = Objects(transport, Discovery(transport)), settings.cluster.namespace
    return ShareLinks(objects, ShareKey(objects, namespace), settings.server.external_url, closed(transport, namespace))
