from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitops_agent.agent.reconcile.health_assessor import HealthAssessor, HealthMemo, HealthReport
from gitops_agent.agent.reconcile.outcome import ObjectIssue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.pod_failures import POD, PodFailure
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.health.explainer import Explainer
from gitops_agent.sync.live.live_object import LiveObject, observe
from tests.clock import Clock
from tests.sync.samples import live, manifests, thing, wanted, workload
from tests.waiting import eventually

ONE, TWO = thing("ConfigMap", "one"), thing("ConfigMap", "two")
PROGRESSING = Health(Status.PROGRESSING, "Progressing", "0 of 1")
DEGRADED = Health(Status.DEGRADED, "Broken", "it broke")


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def assessor(nowhere: Transport, time: Clock) -> HealthAssessor:
    """An assessor without explanations: the API server does not answer."""
    return HealthAssessor(Explainer(Objects(nowhere, Discovery(nowhere), timeout=1)), clock=time)


def known(desired: Desired, **health: Health) -> Mapping[ObjectKey, LiveObject]:
    """The live objects by name."""
    return {
        manifest.key: live(manifest.obj, health=health[manifest.key.name])
        for manifest in desired.manifests
        if manifest.key.name in health
    }


def judge(assessor: HealthAssessor, memo: HealthMemo, objects: list[Object], **health: Health) -> HealthReport:
    desired = wanted(*objects)
    return assessor.assess(desired, known(desired, **health), memo, timeout=300)


def test_what_is_healthy_needs_no_words_and_no_second_look(assessor: HealthAssessor) -> None:
    assert judge(assessor, HealthMemo(), [ONE], one=Health(Status.HEALTHY)) == (Health(Status.HEALTHY), (), None)


def test_the_worst_object_decides_and_is_named_first(assessor: HealthAssessor) -> None:
    health, problems, _ = judge(assessor, HealthMemo(), [ONE, TWO], one=PROGRESSING, two=DEGRADED)

    assert health.status is Status.DEGRADED
    assert [(problem.key.name, problem.reason) for problem in problems] == [("two", "Degraded"), ("one", "Progressing")]


def test_what_is_not_there_is_missing(assessor: HealthAssessor) -> None:
    health, problems, _ = judge(assessor, HealthMemo(), [ONE, TWO], one=Health(Status.HEALTHY))

    assert health.status is Status.MISSING
    assert [problem.key.name for problem in problems] == ["two"]


def test_what_sleeps_on_purpose_is_no_problem(assessor: HealthAssessor) -> None:
    health, problems, again = judge(assessor, HealthMemo(), [ONE], one=Health(Status.SUSPENDED, "Suspended", "paused"))

    assert (health.status, problems, again) == (Status.SUSPENDED, (), None)
    assert health.message == "ConfigMap:shop/one: paused"


def test_an_application_that_declares_itself_is_as_healthy_as_its_other_objects(assessor: HealthAssessor) -> None:
    itself = thing("Application", "shop", namespace="gitops-system")
    other = thing("Application", "bank", namespace="gitops-system")

    assert judge(assessor, HealthMemo(), [itself, ONE], shop=PROGRESSING, one=Health(Status.HEALTHY)) == (
        Health(Status.HEALTHY),
        (),
        None,
    )
    assert judge(assessor, HealthMemo(), [other], bank=PROGRESSING).health.status is Status.PROGRESSING


def test_after_the_timeout_what_progresses_is_degraded_and_says_for_how_long(assessor: HealthAssessor, time: Clock) -> None:
    memo = HealthMemo()
    judge(assessor, memo, [ONE], one=PROGRESSING)
    time.now += 299
    assert judge(assessor, memo, [ONE], one=PROGRESSING)[0].status is Status.PROGRESSING
    time.now += 1

    health, problems, _ = judge(assessor, memo, [ONE], one=PROGRESSING)

    assert (health.status, health.reason) == (Status.DEGRADED, "TimedOut")
    assert problems[0].message == "not healthy after 300 s: 0 of 1"


def test_an_object_that_never_appears_is_degraded_after_the_timeout(assessor: HealthAssessor, time: Clock) -> None:
    memo = HealthMemo()
    judge(assessor, memo, [ONE])
    time.now += 300

    assert judge(assessor, memo, [ONE])[0].status is Status.DEGRADED


def test_health_ends_the_count(assessor: HealthAssessor, time: Clock) -> None:
    memo = HealthMemo()
    judge(assessor, memo, [ONE], one=PROGRESSING)
    time.now += 200
    judge(assessor, memo, [ONE], one=Health(Status.HEALTHY))
    time.now += 200

    assert judge(assessor, memo, [ONE], one=PROGRESSING)[0].status is Status.PROGRESSING


def test_the_next_look_is_never_later_than_the_timeout(assessor: HealthAssessor, time: Clock) -> None:
    memo = HealthMemo()
    pauses = []
    for _ in range(8):
        pause = judge(assessor, memo, [ONE], one=PROGRESSING)[2]
        assert pause is not None
        pauses.append(pause)
        time.now += pause

    assert pauses[:5] == [4, 8, 16, 32, 60]
    assert sum(pauses) <= 300


def test_a_cluster_that_does_not_explain_is_no_reason_to_fail(assessor: HealthAssessor, time: Clock) -> None:
    memo = HealthMemo()
    broken = workload("Deployment", "one")
    judge(assessor, memo, [broken], one=PROGRESSING)
    time.now += 10

    assert judge(assessor, memo, [broken], one=PROGRESSING)[0].status is Status.PROGRESSING


@pytest.mark.cluster
def test_an_explanation_makes_a_crash_loop_degraded_before_its_time(objects: Objects, namespace: str, time: Clock) -> None:
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}, "annotations": {POD: PodFailure.CRASH.value}},
            "spec": {"containers": [{"name": "app", "image": "registry.example.org/web:1"}]},
        },
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": spec,
    }
    objects.apply(deployment)
    (manifest,) = manifests(deployment)
    desired = wanted(deployment, namespace=namespace)
    assessor, memo = HealthAssessor(Explainer(objects), clock=time), HealthMemo()

    def degraded() -> tuple[Health, tuple[ObjectIssue, ...]] | None:
        time.now += 0.5
        memo.explain_pause = 0.0
        live_objects = {manifest.key: observe(objects.get(manifest.key))}
        health, problems, _ = assessor.assess(desired, live_objects, memo, timeout=10_000)
        return (health, problems) if health.status is Status.DEGRADED else None

    report = eventually(degraded)
    assert report is not None
    health, problems = report
    assert health.reason == "CrashLoop"
    assert "exit code" in problems[0].message
    assert len(memo.explanations) == 1

    assessor.assess(desired, {manifest.key: live(manifest.obj)}, memo, timeout=10_000)
    assert memo.explanations == {}
