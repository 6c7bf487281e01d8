from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gitops_agent.telemetry.spans import EndedSpan, Spans, encode
from gitops_agent.telemetry.traces import TRACES
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map
from tests.telemetry.collector import facts

CANARY = "Y2FuYXJ5LXZhbHVl"


class Ended:
    """The spans that would be sent."""

    def __init__(self) -> None:
        self.kept: list[EndedSpan] = []

    @property
    def request(self) -> bytes:
        return encode(self.kept)

    def of(self, commit: str) -> dict[str, Span]:
        """The spans of the trace of a commit, by name."""
        request = ExportTraceServiceRequest.FromString(self.request)
        spans = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
        roots = {span.trace_id for span in spans if facts(span).get("vcs.ref.head.revision") == commit}
        return {span.name: span for span in spans if span.trace_id in roots}


@pytest.fixture
def ended() -> Iterator[Ended]:
    ended = Ended()
    TRACES.start(Spans(ended.kept.append))
    yield ended
    TRACES.stop()


def secret(**data: str) -> str:
    lines = "".join(f"  {name}: {value}\n" for name, value in data.items())
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: credentials\ndata:\n{lines}"


@pytest.mark.cluster
def test_a_commit_that_changes_an_application_is_one_trace_and_others_are_none(ended: Ended, world: ClusterEnv) -> None:
    files = {"shop/one.yaml": config_map("one"), "desk/one.yaml": config_map("two")}
    first = world.commit(files)
    world.create("shop")
    world.create("desk")
    world.await_synced("shop", first)
    world.await_synced("desk", first)
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    files |= {"shop/one.yaml": config_map("one", colour="blue"), "shop/secret.yaml": secret(password=CANARY)}

    second = world.commit(files, message=f"Paint it\n\nTraceparent: 00-{trace}-{span}-01")
    world.await_synced("shop", second)
    world.until(lambda: world.state("desk").applied == second, "desk has seen the commit, too")

    shop = f"SYNC {world.home}/shop"
    world.until(lambda: shop in ended.of(second), "the trace has ended")
    spans = ended.of(second)
    assert set(spans) == {shop, "fetch", "render", "plan", "apply", "health"}
    root = facts(spans[shop])
    assert (root["cicd.pipeline.result"], root["vcs.ref.head.name"], root["vcs.ref.head.type"]) == ("success", "main", "branch")
    assert root["k8s.cluster.uid"] == world.transport.identity.uid
    assert facts(spans["plan"])["gitops_agent.plan.create"] == 1
    assert facts(spans["apply"])["gitops_agent.apply.update"] == 1
    assert [link.trace_id.hex() for link in spans[shop].links] == [trace]
    assert all(spans[shop].start_time_unix_nano <= each.start_time_unix_nano for each in spans.values())
    assert all(each.end_time_unix_nano <= spans[shop].end_time_unix_nano for each in spans.values())
    assert CANARY.encode() not in ended.request
    history = world.application("shop")["status"]["history"]
    assert history[0]["live"] >= history[0]["committedAt"]
    assert world.application("shop")["status"]["delivery"]["deployments"] == {"succeeded": 2}


@pytest.mark.cluster
def test_a_commit_that_does_not_render_is_a_trace_with_its_reason(ended: Ended, world: ClusterEnv) -> None:
    first = world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", first)

    second = world.commit({"shop/one.yaml": "kind: ["})

    world.until(lambda: f"SYNC {world.home}/shop" in ended.of(second), "the trace has ended")
    spans = ended.of(second)
    assert set(spans) == {f"SYNC {world.home}/shop", "fetch", "render"}
    assert facts(spans["render"])["error.type"] == facts(spans[f"SYNC {world.home}/shop"])["error.type"]
    assert facts(spans["render"])["cicd.pipeline.task.run.result"] == "failure"
