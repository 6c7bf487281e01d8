from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.errors import AgentError, CannotSee, Forbidden, Invalid, NotFound, Throttled, Unavailable, UnknownKind
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.errors import classify
from gitops_agent.sync.apply.preflight import ask, candidates, verdicts
from gitops_agent.sync.planning.plan import Plan
from tests.sync.apply.test_executor import config, deployment
from tests.sync.apply.test_plan_walker import made
from tests.sync.cluster_env import ClusterEnv
from tests.sync.samples import crd, creations, deletions, key, thing

WEB = key("ConfigMap", "web")


def plan(*actions: Action) -> Plan:
    return made(actions, {})


def asked(*actions: Action) -> list[str]:
    return [action.key.name for action in candidates(plan(*actions))]


def counted(error: AgentError, *actions: Action, impersonated: bool = False) -> bool:
    return bool(verdicts(plan(*actions), {WEB: classify(error, WEB)}, impersonated=impersonated))


def test_new_content_is_asked_about() -> None:
    assert asked(*creations([thing("ConfigMap", "web")]), *deletions(key("ConfigMap", "old"))) == ["web"]


def test_a_repair_is_not_asked_about_because_it_was_accepted_before() -> None:
    (action,) = creations([thing("ConfigMap", "web")])
    assert asked(replace(action, drift=True)) == []


def test_what_comes_with_its_namespace_or_definition_is_not_asked_about() -> None:
    namespace = thing("Namespace", "fresh")
    inside = thing("ConfigMap", "inside", namespace="fresh")
    widget = thing("Widget", "one")
    assert asked(*creations([namespace, inside, crd(), widget])) == ["fresh", "widgets.example.com"]


def test_an_object_in_a_namespace_that_is_there_is_asked_about() -> None:
    (namespace,), (inside,) = creations([thing("Namespace", "shop")]), creations([thing("ConfigMap", "inside")])
    there = replace(namespace, kind=ActionKind.UPDATE, intent=ActionKind.UPDATE)
    assert asked(there, inside) == ["shop", "inside"]


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (Invalid("bad", status=422), True),
        (Throttled("later", status=429), True),
        (Unavailable("no answer"), True),
        (Forbidden("no", status=403, code="Forbidden"), True),
        (Forbidden("no", status=403, code="QuotaExceeded"), True),
        (Unavailable("down", status=500, code="WebhookUnavailable"), False),
        (UnknownKind("not yet"), False),
        (NotFound("no", status=404, code="NamespaceNotFound"), False),
        (CannotSee("down"), False),
        (Invalid("admission webhook x does not support dry run", status=400), False),
    ],
)
def test_only_what_will_still_be_true_in_its_turn_counts(error: AgentError, *, counts: bool) -> None:
    assert counted(error) is counts


def answers(*errors: AgentError | None) -> list[str]:
    """The names of objects whose dry run counts as a refusal."""
    actions = creations([thing("ConfigMap", name) for name in "abc"[: len(errors)]])
    by_key = dict(zip((action.key for action in actions), errors, strict=True))
    counted = ask(
        plan(*actions),
        dry_run=lambda action: by_key[action.key],
        spread=lambda function, all_: [*map(function, all_)],
        impersonated=False,
    )
    return [key.name for key in counted]


def test_an_object_whose_dry_run_got_no_answer_is_left_to_the_attempt() -> None:
    assert answers(Unavailable("no answer"), None, None) == []
    assert answers(Unavailable("no answer"), Invalid("bad", status=422), None) == ["b"]
    assert answers(Throttled("later", status=429), None) == []


def test_a_server_that_answers_nothing_is_not_asked_to_apply() -> None:
    assert answers(Unavailable("no answer"), Throttled("later", status=429)) == ["a", "b"]
    assert answers(Unavailable("no answer")) == ["a"]


def test_a_quota_that_is_changed_with_the_plan_is_left_to_the_attempt() -> None:
    refusal = Forbidden("no", status=403, code="QuotaExceeded")
    assert not counted(refusal, *creations([thing("ResourceQuota", "q")]))


def test_permissions_that_come_with_the_plan_are_left_to_the_attempt_of_a_service_account() -> None:
    refusal = Forbidden("no", status=403, code="Forbidden")
    role = creations([thing("RoleBinding", "deployer")])
    assert not counted(refusal, *role, impersonated=True)
    assert counted(refusal, *role)


@pytest.mark.cluster
def test_all_errors_of_a_revision_are_reported_and_nothing_is_written(stage: ClusterEnv) -> None:
    broken, worse = deployment("broken", replicas=-1), deployment("worse", strategy={"type": "Nonsense"})
    unknown = deployment("unknown", paws=4)
    refused = stage.executor.preflight(stage.plan(config(), broken, worse, unknown))
    assert {object_key.name: error.reason for object_key, error in refused.items()} == {
        "broken": "Invalid",
        "worse": "Invalid",
        "unknown": "Invalid",
    }
    assert "paws" in str(refused[ObjectKey("apps", "Deployment", stage.namespace, "unknown")])
    assert stage.live.of(stage.application) == {}
    with pytest.raises(NotFound):
        stage.objects.get(stage.key("ConfigMap", "web"))


@pytest.mark.cluster
def test_a_good_revision_meets_no_refusal(stage: ClusterEnv) -> None:
    assert stage.executor.preflight(stage.plan(config(), deployment())) == {}
