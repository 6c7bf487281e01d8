"""Switches traces on and off for the process.

They are on where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to send them. A missing package is said once and stops nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.observe import log
from gitops_agent.telemetry.export_settings import ExportSettings
from gitops_agent.telemetry.exporter import SpanExporter
from gitops_agent.telemetry.traces import TRACES, RevisionTraces

_log = log.logger("telemetry")


class Tracing:
    """Traces that are sent.

    Args:
        exporter: sends them.
        traces: makes them.
    """

    def __init__(self, exporter: SpanExporter, traces: RevisionTraces) -> None:
        self._exporter, self._traces = exporter, traces

    @classmethod
    def open(cls, environment: Mapping[str, str], external_url: str, traces: RevisionTraces = TRACES) -> Tracing | None:
        """Starts making and sending traces; None where they are off.

        Args:
            environment: of the process.
            external_url: where people reach the dashboard.
            traces: makes them.
        """
        settings = ExportSettings.of(environment)
        if settings is None:
            return None
        try:
            from gitops_agent.telemetry.spans import Spans, encode
        except ImportError:
            _log.warning("traces are not sent: install the extra with `pip install 'gitops-agent[otel]'`")
            return None
        exporter = SpanExporter(settings, encode)
        exporter.start()
        traces.start(Spans(exporter.put), external_url)
        log.correlate(traces.ids)
        _log.info("sending traces", collector=settings.host)
        return cls(exporter, traces)

    def stop(self) -> None:
        """Ends what is under way, and sends it within a few seconds."""
        self._traces.stop()
        self._exporter.stop()
