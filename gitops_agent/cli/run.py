"""`gitops-agent run`: runs the agent."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops_agent.cli.settings_options import effective, settings_options

if TYPE_CHECKING:
    from gitops_agent.agent.runtime import Runtime
    from gitops_agent.cluster.transport import Transport
    from gitops_agent.config import Settings
    from gitops_agent.server.agent_dashboard import AgentDashboard
    from gitops_agent.server.chat.slack_app import SlackChat
    from gitops_agent.server.http_server import HttpServer


@click.command()
@settings_options
def run(file: Path | None, assignments: tuple[str, ...]) -> None:
    """Run the agent until SIGTERM or Ctrl-C, which shut it down gracefully.

    SIGQUIT prints the stack of each thread on standard error.
    """
    from gitops_agent.agent.runtime import Runtime
    from gitops_agent.cli.termination import on_termination
    from gitops_agent.cluster.transport import Transport
    from gitops_agent.observe import log, metrics
    from gitops_agent.observe.thread_failures import ThreadFailures
    from gitops_agent.process import forbid_dumps
    from gitops_agent.server.probes import Probes
    from gitops_agent.telemetry.tracing import Tracing

    settings = effective(file, assignments).settings
    log.configure(settings.log.level, settings.log.format)
    watches = 64
    pool = settings.sync.workers + settings.sync.apply_concurrency + watches
    transport = Transport.auto(settings.cluster.kubeconfig, settings.cluster.context, pool=pool)
    failures = ThreadFailures()
    failures.install()
    forbid_dumps()
    runtime = Runtime(settings, transport, failures)
    on_termination(runtime.stop)
    faulthandler.register(signal.SIGQUIT)  # where each thread is, should the agent ever stand still
    metrics.count_requests(lambda: transport.count)
    probes = Probes(
        settings.server.address, settings.server.port, alive=runtime.alive, ready=runtime.ready, metrics=metrics.exposition
    )
    tracing = Tracing.open(os.environ, settings.server.external_url)
    chat = _chat(settings, runtime)
    webhooks = _webhooks(settings, runtime, chat)
    dashboard = _dashboard(settings, runtime, transport)
    probes.start()
    log.logger("server").info("listening", address=settings.server.address, port=probes.port)
    if webhooks is not None:
        webhooks.start()
        log.logger("webhooks").info("listening for webhooks", address=settings.webhooks.address, port=webhooks.port)
    if dashboard is not None:
        dashboard.start()
        log.logger("dashboard").info("serving the dashboard", address=settings.dashboard.address, port=dashboard.port)
    try:
        code = runtime.run()
    finally:
        if dashboard is not None:
            dashboard.stop()
        if webhooks is not None:
            webhooks.stop()
        if chat is not None:
            chat.stop()
        probes.stop()
        if tracing is not None:
            tracing.stop()
        transport.close()
    sys.exit(code)


def _dashboard(settings: Settings, runtime: Runtime, transport: Transport) -> AgentDashboard | None:
    """The dashboard, None where it is off."""
    if not settings.dashboard.enabled:
        return None
    from gitops_agent.server.agent_dashboard import AgentDashboard

    return AgentDashboard(settings, runtime, transport)


def _chat(settings: Settings, runtime: Runtime) -> SlackChat | None:
    """The commands of Slack, None where they are off."""
    if not settings.chat.slack:
        return None
    from gitops_agent.server.chat.leader import ChatLeader
    from gitops_agent.server.chat.slack_app import SlackChat

    return SlackChat(ChatLeader(runtime, settings))


def _webhooks(settings: Settings, runtime: Runtime, chat: SlackChat | None) -> HttpServer | None:
    """The server of webhooks and Slack, None where both are off."""
    if not settings.webhooks.enabled and chat is None:
        return None
    from gitops_agent.server.http_server import HttpServer
    from gitops_agent.server.listening import listen
    from gitops_agent.server.webhooks.app import webhook_app
    from gitops_agent.server.webhooks.leader import Leader
    from gitops_agent.server.webhooks.receiver import WebhookReceiver

    receiver = WebhookReceiver(Leader(runtime)) if settings.webhooks.enabled else None
    listener = listen(settings.webhooks.address, settings.webhooks.port, setting="webhooks")
    return HttpServer(webhook_app(receiver, chat), listener, name="http-webhooks")
