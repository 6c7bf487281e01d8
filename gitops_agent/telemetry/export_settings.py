"""Where traces are sent to, by the variables that OpenTelemetry defines. Pure.

They are the ones that every program with OpenTelemetry reads, so a platform that injects them has to learn nothing of ours. An
endpoint that is not set sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES = "OTEL_EXPORTER_OTLP_TRACES_"
_GENERAL = "OTEL_EXPORTER_OTLP_"
_SECONDS = 10.0
_LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Where and how traces are sent.

    Attributes:
        url: of the collector, with the path for traces.
        headers: sent with every request; may hold credentials.
        certificate: the path of a file with authorities to trust; empty for the system's.
        seconds: for one request.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: str = ""
    seconds: float = _SECONDS

    @property
    def host(self) -> str:
        """The host of the collector, for a log line."""
        return urlsplit(self.url).hostname or ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ExportSettings | None:
        """The settings of an environment; None where nothing is to be sent."""

        def value(name: str) -> str:
            return (environment.get(_TRACES + name) or environment.get(_GENERAL + name) or "").strip()

        off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        if off or environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
            return None
        general = environment.get(_ENDPOINT, "").strip()
        url = environment.get(_TRACES + "ENDPOINT", "").strip() or (f"{general.rstrip('/')}/v1/traces" if general else "")
        if not url:
            return None
        return cls(
            url=url,
            headers=_headers(value("HEADERS")),
            certificate=value("CERTIFICATE"),
            seconds=_seconds(value("TIMEOUT")),
        )


def _headers(text: str) -> dict[str, str]:
    """Pairs of `name=value`, separated by commas, with values as in URLs."""
    pairs = (pair.partition("=") for pair in text.split(","))
    decoded = {name.strip(): unquote(value.strip()) for name, equals, value in pairs if name.strip() and equals}
    return {name: value for name, value in decoded.items() if _plain(name) and _plain(value)}


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _seconds(text: str) -> float:
    """Seconds of a timeout in milliseconds, within a minute."""
    return min(int(text) / 1000, _LONGEST_SECONDS) if text.isascii() and text.isdigit() and int(text) > 0 else _SECONDS
