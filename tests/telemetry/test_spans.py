from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from gitops_agent.telemetry.spans import EndedSpan, Spans, encode
from gitops_agent.telemetry.trace_link import TraceLink
from tests.telemetry.collector import facts


def test_spans_are_encoded_with_their_times_links_and_errors() -> None:
    ended: list[EndedSpan] = []
    spans = Spans(ended.append)
    root = spans.begin("SYNC shop/web", 10, {"a": 1}, links=(TraceLink(trace=5, span=6, sampled=True),))
    spans.begin("render", 11, {}, parent=root).end(12, {"b": True})
    root.end(20, {"c": "x"}, "Degraded")

    request = ExportTraceServiceRequest.FromString(encode(ended))

    (resource,) = request.resource_spans
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == "gitops-agent"
    child, parent = resource.scope_spans[0].spans
    assert (child.name, child.start_time_unix_nano, child.end_time_unix_nano) == ("render", 11, 12)
    assert (child.trace_id, child.parent_span_id) == (parent.trace_id, parent.span_id)
    assert (parent.trace_id.hex(), parent.span_id.hex()) == (root.trace_id, root.span_id)
    assert (child.kind, parent.kind) == (Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER)
    assert facts(parent) == {"a": 1, "c": "x", "error.type": "Degraded"}
    assert parent.status.code == Status.STATUS_CODE_ERROR
    assert int.from_bytes(parent.links[0].trace_id) == 5


def test_no_attribute_shows_a_credential() -> None:
    ended: list[EndedSpan] = []
    address = "https://robot:canary7f3a9c51@git.example.com/acme"
    root = Spans(ended.append).begin("SYNC shop/web", 10, {"vcs.repository.url.full": address})
    root.end(20, {"text": "DB_PASSWORD=canary7f3a9c51", "gitops_agent.plan.create": 1})

    assert b"canary7f3a9c51" not in encode(ended)
    assert b"git.example.com/acme" in encode(ended)
