"""`gitops-agent run`: runs the agent."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from gitops_agent.cli.settings_options import effective, settings_options


@click.command()
@settings_options
def run(file: Path | None, assignments: tuple[str, ...]) -> None:
    """Run the agent until SIGTERM or Ctrl-C, which shut it down gracefully."""
    from gitops_agent.agent.runtime import Runtime
    from gitops_agent.cluster.transport import Transport
    from gitops_agent.observe import log, metrics
    from gitops_agent.observe.thread_failures import ThreadFailures
    from gitops_agent.process import forbid_dumps
    from gitops_agent.server.probes import Probes

    settings = effective(file, assignments).settings
    log.configure(settings.log.level, settings.log.format)
    watches = 64
    pool = settings.sync.workers + settings.sync.apply_concurrency + watches
    transport = Transport.auto(settings.cluster.kubeconfig, settings.cluster.context, pool=pool)
    failures = ThreadFailures()
    failures.install()
    forbid_dumps()
    runtime = Runtime(settings, transport, failures)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runtime.stop())
    metrics.count_requests(lambda: transport.count)
    probes = Probes(
        settings.server.address, settings.server.port, alive=runtime.alive, ready=runtime.ready, metrics=metrics.exposition
    )
    probes.start()
    log.logger("server").info("listening", address=settings.server.address, port=probes.port)
    try:
        code = runtime.run()
    finally:
        probes.stop()
        transport.close()
    sys.exit(code)
