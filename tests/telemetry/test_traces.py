from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gitops_agent.telemetry.spans import EndedSpan, Spans, encode
from gitops_agent.telemetry.traces import RevisionTraces, Standing, Step, Subject
from tests.telemetry.collector import facts

SHOP, ONE, TWO = "gitops-system/shop", "a" * 40, "b" * 40
REPOSITORY = "https://git.example.com/config.git"


class Traced:
    """Traces, and what they would send."""

    def __init__(self) -> None:
        self.time = 100
        self.ended: list[EndedSpan] = []
        self.traces = RevisionTraces(lambda: self.time)
        self.traces.cluster = "cluster-uid"
        self.traces.start(Spans(self.ended.append), "https://gitops.example.com/")

    def at(self, time: int) -> RevisionTraces:
        self.time = time
        return self.traces

    @property
    def spans(self) -> list[Span]:
        request = ExportTraceServiceRequest.FromString(encode(self.ended))
        return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]

    @property
    def root(self) -> Span:
        (root,) = (span for span in self.spans if not span.parent_span_id)
        return root

    def times(self) -> dict[str, tuple[int, int]]:
        return {span.name: (span.start_time_unix_nano, span.end_time_unix_nano) for span in self.spans}


@pytest.fixture
def traced() -> Traced:
    return Traced()


def subject(commit: str = ONE, message: str = "") -> Subject:
    return Subject(application=SHOP, commit=commit, message=message, facts={"vcs.repository.url.full": REPOSITORY})


def test_a_commit_is_one_trace_from_its_fetch_to_its_health(traced: Traced) -> None:
    traced.at(110).fetched(REPOSITORY, [ONE], 100)
    traced.at(130).rendered(SHOP, ONE, 120, "", {"gitops_agent.render.format": "kustomize"})
    traced.at(150).planned(subject(), "p1", 140, {"gitops_agent.plan.update": 2})
    traced.at(170).applied(SHOP, ONE, 160, "", {"gitops_agent.apply.update": 2})
    traced.at(180).stands(subject(), Standing(commit=ONE))
    traced.at(200).stands(subject(), Standing(commit=ONE, live=True))

    assert traced.times() == {
        "fetch": (100, 110),
        "render": (120, 130),
        "plan": (140, 150),
        "apply": (160, 170),
        "health": (170, 200),
        f"SYNC {SHOP}": (100, 200),
    }
    assert {span.trace_id for span in traced.spans} == {traced.root.trace_id}
    assert facts(traced.root) == {
        "cicd.pipeline.action.name": "SYNC",
        "cicd.pipeline.name": SHOP,
        "cicd.pipeline.result": "success",
        "cicd.pipeline.run.id": "p1-1",
        "cicd.pipeline.run.url.full": "https://gitops.example.com/a/gitops-system/shop",
        "gitops_agent.plan.hash": "p1",
        "k8s.cluster.uid": "cluster-uid",
        "vcs.ref.head.revision": ONE,
        "vcs.repository.url.full": REPOSITORY,
    }
    apply = facts(next(span for span in traced.spans if span.name == "apply"))
    assert apply["cicd.pipeline.task.run.id"] == "p1-1/4"
    assert apply["cicd.pipeline.task.run.result"] == "success"
    assert apply["gitops_agent.apply.update"] == 2


def test_the_steady_state_emits_nothing(traced: Traced) -> None:
    traced.traces.fetched(REPOSITORY, [ONE], 100)
    traced.traces.rendered(SHOP, ONE, 100, "", {})
    for _ in range(10):
        traced.traces.applied(SHOP, ONE, 100, "", {})
        traced.traces.stands(subject(), Standing(commit=ONE, live=True))

    assert traced.ended == []


def test_a_commit_is_traced_once(traced: Traced) -> None:
    for _ in range(2):
        traced.traces.planned(subject(), "p1", 100, {})
        traced.traces.stands(subject(), Standing(commit=ONE, live=True))

    assert [span.name for span in traced.spans] == ["plan", f"SYNC {SHOP}"]


def test_a_failure_ends_the_trace_with_its_reason(traced: Traced) -> None:
    traced.traces.planned(subject(), "p1", 100, {})
    traced.traces.applied(SHOP, ONE, 100, "Invalid", {})
    traced.traces.stands(subject(), Standing(commit=ONE, failure="Degraded"))

    assert facts(traced.root)["cicd.pipeline.result"] == "failure"
    assert facts(traced.root)["error.type"] == "Degraded"
    assert {span.name: facts(span).get("error.type") for span in traced.spans if span.parent_span_id} == {
        "plan": None,
        "apply": "Invalid",
        "health": "Degraded",
    }


def test_a_commit_that_does_not_render_is_a_trace_without_a_plan(traced: Traced) -> None:
    failed = Standing(commit=ONE, failure="RenderFailed", unplanned=True)
    traced.at(130).rendered(SHOP, ONE, 120, "RenderFailed", {})
    for _ in range(2):
        traced.at(140).stands(subject(), failed)

    assert traced.times() == {"render": (120, 130), f"SYNC {SHOP}": (120, 140)}
    assert facts(traced.root)["error.type"] == "RenderFailed"


def test_a_newer_commit_ends_the_trace_of_the_one_before(traced: Traced) -> None:
    traced.traces.planned(subject(), "p1", 100, {})
    traced.traces.planned(subject(TWO), "p2", 100, {})

    assert facts(traced.root) | {"cicd.pipeline.result": "cancellation", "error.type": "Superseded"} == facts(traced.root)


def test_a_commit_that_changes_nothing_more_goes_on_with_the_trace(traced: Traced) -> None:
    traced.traces.planned(subject(), "p1", 100, {})
    traced.traces.stands(subject(TWO), Standing(commit=TWO, plan="p1", live=True))

    assert facts(traced.root)["cicd.pipeline.result"] == "success"


def test_the_steps_of_a_rollout_are_spans(traced: Traced) -> None:
    traced.at(100).planned(subject(), "p1", 100, {})
    for time, weight in ((110, 5), (120, 5), (150, 50)):
        traced.at(time).stands(subject(), Standing(commit=ONE, steps=(Step(name="shop/web", phase="Step", weight=weight),)))
    traced.at(190).stands(subject(), Standing(commit=ONE, live=True))

    steps = [span for span in traced.spans if span.name == "rollout step"]
    assert [(span.start_time_unix_nano, span.end_time_unix_nano) for span in steps] == [(110, 150), (150, 190)]
    assert [facts(span)["gitops_agent.rollout.weight"] for span in steps] == [5, 50]


def test_the_trace_of_the_build_is_linked(traced: Traced) -> None:
    message = f"Bump\n\nTraceparent: 00-{7:032x}-{8:016x}-01"
    traced.traces.planned(subject(message=message), "p1", 100, {})
    traced.traces.stop()

    (link,) = traced.root.links
    assert (int.from_bytes(link.trace_id), int.from_bytes(link.span_id)) == (7, 8)
    assert int.from_bytes(traced.root.trace_id) != 7


def test_the_end_of_the_process_ends_every_trace_and_makes_no_more(traced: Traced) -> None:
    traced.traces.planned(subject(), "p1", 100, {})

    traced.traces.stop()
    traced.traces.planned(subject(TWO), "p2", 100, {})

    assert facts(traced.root)["cicd.pipeline.result"] == "cancellation"
    assert not traced.traces.enabled


def test_an_application_that_goes_ends_its_trace(traced: Traced) -> None:
    traced.traces.planned(subject(), "p1", 100, {})

    traced.traces.forget(SHOP)

    assert facts(traced.root)["error.type"] == "Deleted"


def test_a_trace_ends_after_a_day(traced: Traced) -> None:
    traced.at(0).planned(subject(), "p1", 0, {})
    other = Subject(application="gitops-system/other", commit=ONE)
    traced.at(24 * 3600 * 10**9 + 1).planned(other, "p1", traced.time, {})

    assert facts(traced.root)["cicd.pipeline.result"] == "timeout"


def test_runs_are_bounded(traced: Traced) -> None:
    for number in range(1002):
        traced.traces.planned(Subject(application=f"gitops-system/{number}", commit=ONE), "p1", 100, {})

    roots = [facts(span) for span in traced.spans if not span.parent_span_id]
    assert [root["cicd.pipeline.name"] for root in roots] == ["gitops-system/0", "gitops-system/1"]


def test_lines_about_an_application_name_its_trace_while_there_is_one(traced: Traced) -> None:
    assert traced.traces.ids(SHOP) is None
    traced.traces.planned(subject(), "p1", 100, {})
    ids = traced.traces.ids(SHOP)
    traced.traces.stands(subject(), Standing(commit=ONE, live=True))

    assert ids == (traced.root.trace_id.hex(), traced.root.span_id.hex())
    assert traced.traces.ids(SHOP) is None


def test_without_a_collector_nothing_is_remembered() -> None:
    traces = RevisionTraces(lambda: 1)

    traces.fetched(REPOSITORY, [ONE], 0)
    traces.rendered(SHOP, ONE, 0, "", {})
    traces.planned(subject(), "p1", 0, {})
    traces.stands(subject(), Standing(commit=ONE, live=True))

    assert traces.ids(SHOP) is None
    assert not traces.enabled
