from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import (
    AgentError,
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Throttled,
    Unavailable,
    UnknownKind,
)
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.apply.errors import Immutable, classify, describe
from tests.sync.samples import workload

WEB = ObjectKey("apps", "Deployment", "shop", "web")
SECRET = ObjectKey("", "Secret", "shop", "db")


def refused(*causes: dict[str, Any]) -> Invalid:
    return Invalid("no", status=422, code="Invalid", details={"causes": list(causes)})


@pytest.mark.parametrize(
    ("error", "reason", "transient"),
    [
        (Forbidden("no", status=403, code="Forbidden"), "Forbidden", False),
        (Forbidden("no", status=403, code="QuotaExceeded"), "QuotaExceeded", False),
        (Unavailable("no", status=500, code="WebhookUnavailable"), "WebhookUnavailable", True),
        (NotFound("no", status=404, code="NamespaceNotFound"), "MissingNamespace", True),
        (Forbidden("no", status=403, code="NamespaceTerminating"), "MissingNamespace", True),
        (NotFound("no", status=404, code="KindNotServed"), "UnknownKind", True),
        (UnknownKind("no"), "UnknownKind", True),
        (Invalid("no", status=400, code="BadRequest"), "Invalid", False),
        (Throttled("no", status=429, retry_after=3), "Throttled", True),
        (Conflict("no", status=409, code="AlreadyExists"), "Conflict", True),
    ],
)
def test_every_refusal_has_a_reason_and_says_whether_time_helps(error: AgentError, reason: str, *, transient: bool) -> None:
    classified = classify(error, WEB)
    assert (classified.reason, classified.transient) == (reason, transient)


def test_the_servers_retry_after_is_kept() -> None:
    classified = classify(Throttled("no", status=429, retry_after=3.0), WEB)
    assert isinstance(classified, ClusterError)
    assert classified.retry_after == 3.0


@pytest.mark.parametrize(
    "message",
    [
        "Invalid value: {...}: field is immutable",
        "Forbidden: updates to statefulset spec for fields other than 'replicas', 'template' are forbidden",
        "Forbidden: spec is immutable after creation except resources.requests",
        "Invalid value: cannot change roleRef",
        "Forbidden: updates to provisioner are forbidden.",
        "Invalid value: primary clusterIP can not be unset",
        'Invalid value: "string": Value is immutable',
    ],
)
def test_causes_that_all_speak_of_immutability_prove_it(message: str) -> None:
    classified = classify(refused({"field": "spec.selector", "message": message}), WEB)
    assert isinstance(classified, Immutable)
    assert classified.facts["fields"] == ["spec.selector"]


def test_what_cannot_be_changed_is_reported_with_the_way_out() -> None:
    causes = refused({"field": "spec.selector", "message": "field is immutable"})
    assert classify(causes, WEB).reason == "Immutable"
    assert "gitops-agent.dev/replace: on-immutable" in str(classify(causes, WEB))


def test_what_is_never_replaced_has_no_advice_to_replace_it() -> None:
    crd = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com")
    text = str(classify(refused({"field": "spec.scope", "message": "field is immutable"}), crd))
    assert "on-immutable" not in text
    assert "give it another name" in text


def test_one_other_cause_disproves_it() -> None:
    other = {"field": "spec.x", "message": "Required value"}
    classified = classify(refused({"field": "spec.selector", "message": "field is immutable"}, other), WEB)
    assert not isinstance(classified, Immutable)


def test_a_text_without_causes_proves_nothing() -> None:
    assert not isinstance(classify(Invalid("field is immutable", status=422), WEB), Immutable)
    assert not isinstance(classify(refused({"message": "field is immutable"}), WEB), Immutable)


def test_of_a_secret_the_fields_have_to_tell_because_the_words_are_not_kept() -> None:
    assert isinstance(classify(refused({"field": "type", "reason": "FieldValueInvalid"}), SECRET), Immutable)
    assert not isinstance(classify(refused({"field": "metadata.labels", "reason": "FieldValueInvalid"}), SECRET), Immutable)


def test_a_number_in_a_secret_is_a_wrong_type_and_nothing_immutable() -> None:
    causes = [{"reason": "FieldValueInvalid", "field": "data.password"}]
    violation = Invalid("refused", status=500, code="SchemaViolation", details={"causes": causes})

    classified = classify(violation, SECRET)

    assert (classified.reason, type(classified)) == ("Invalid", Invalid)
    assert str(classified).startswith("data.password: expected a string; quote it")


def test_explaining_twice_is_explaining_once() -> None:
    once = classify(refused({"field": "spec.selector", "message": "field is immutable"}), WEB)
    assert classify(once, WEB) is once


def test_a_missing_namespace_is_named_with_what_creates_it() -> None:
    error = classify(NotFound('namespaces "shop" not found', status=404, code="NamespaceNotFound"), WEB)

    assert str(error) == (
        "namespace shop does not exist: declare it, or set spec.destination.createNamespace where it is the destination"
    )
    assert classify(error, WEB) is error


def test_a_quantity_that_is_none_is_named_by_its_field() -> None:
    error = Invalid("unable to convert unstructured object to apps/v1, Kind=Deployment: quantities must match the regular …")
    resources = {"requests": {"cpu": "100x", "memory": "128Mi"}, "limits": {"memory": "1 GB"}}
    obj = workload("Deployment", "web", containers=[{"name": "main", "image": "web:1", "resources": resources}])

    assert describe(error, obj) == (
        "spec.template.spec.containers[0].resources.requests.cpu: '100x' is not a quantity, such as 500m, 2 or 128Mi; "
        "spec.template.spec.containers[0].resources.limits.memory: '1 GB' is not a quantity, such as 500m, 2 or 128Mi"
    )
    assert describe(error, None).startswith("quantities must match")
    assert describe(error, workload("Deployment", "web")).startswith("quantities must match")


def test_a_misspelt_kind_of_a_built_in_group_is_invalid_because_no_crd_will_bring_it() -> None:
    def said(text: str, group: str) -> AgentError:
        return classify(UnknownKind(text, version="v1", served=[]), ObjectKey(group, "Deploymnet", "shop", "web"))

    meant = said("the cluster knows no apps/Deploymnet in version v1; did you mean apps/v1 Deployment?", "apps")
    lost = said("the cluster knows no apps/Deploymnet in version v1", "apps")

    assert (meant.reason, meant.transient) == ("Invalid", False)
    assert str(meant).endswith("; did you mean apps/v1 Deployment?")
    assert str(lost).endswith("in version v1, and no CRD adds kinds to this group")
    assert said("the cluster knows no example.com/Widget", "example.com").reason == "UnknownKind"


def test_a_kind_that_no_crd_will_bring_is_invalid_with_what_to_write() -> None:
    key = ObjectKey("extensions", "Deployment", "shop", "web")
    error = classify(UnknownKind("the cluster knows no such kind", version="v1beta1", served=[]), key)

    assert (type(error), error.reason, error.transient) == (Invalid, "Invalid", False)
    assert "write apiVersion: apps/v1" in str(error)
