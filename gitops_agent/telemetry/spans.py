"""OpenTelemetry's door: makes spans, and knows nothing of applications.

The package is an extra and loaded only where traces are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

from gitops_agent import __version__
from gitops_agent.observe.redaction import scrub

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from gitops_agent.telemetry.trace_link import TraceLink

EndedSpan = ReadableSpan
Attributes = Mapping[str, str | int | float | bool]


class OpenSpan:
    """A span that has begun.

    Args:
        span: of the library.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.trace_id, self.span_id = format(context.trace_id, "032x"), format(context.span_id, "016x")

    def end(self, end: int, attributes: Attributes, error: str = "") -> None:
        """Ends it.

        Args:
            end: Unix time in nanoseconds.
            attributes: further facts.
            error: a code from the table of reasons; empty for a success.
        """
        for name, value in attributes.items():
            self._span.set_attribute(name, _clean(value))
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end(max(end, 0))

    @property
    def inner(self) -> Span:
        """The span of the library."""
        return self._span


class Spans:
    """Makes spans, and hands those that ended to an exporter.

    Args:
        ended: takes what ended; must not wait.
    """

    def __init__(self, ended: Callable[[ReadableSpan], None]) -> None:
        resource = Resource.create({"service.name": "gitops-agent", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(_Handing(ended))
        self._tracer = self._provider.get_tracer("gitops-agent", __version__)

    def begin(
        self,
        name: str,
        start: int,
        attributes: Attributes,
        *,
        parent: OpenSpan | None = None,
        links: Sequence[TraceLink] = (),
    ) -> OpenSpan:
        """Begins a span, below another one or of a new trace."""
        context = set_span_in_context(parent.inner) if parent is not None else None
        return OpenSpan(
            self._tracer.start_span(
                name,
                context=context,
                kind=SpanKind.INTERNAL if parent is not None else SpanKind.SERVER,
                attributes={key: _clean(value) for key, value in attributes.items()},
                links=[Link(_remote(link)) for link in links],
                start_time=start,
            )
        )


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """Spans as an `ExportTraceServiceRequest` of OTLP."""
    return bytes(encode_spans(spans).SerializeToString())


class _Handing(SpanProcessor):
    """Hands a sampled span on when it has ended."""

    def __init__(self, ended: Callable[[ReadableSpan], None]) -> None:
        self._ended = ended

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is not None and context.trace_flags.sampled:
            self._ended(span)


def _clean(value: str | float | bool) -> str | int | float | bool:  # noqa: FBT001 - a value of a span
    """An attribute without what looks like a credential."""
    return scrub(value) if isinstance(value, str) else value


def _remote(link: TraceLink) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if link.sampled else TraceFlags.DEFAULT)
    return SpanContext(link.trace, link.span, is_remote=True, trace_flags=flags)
