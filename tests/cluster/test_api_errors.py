from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.cluster import api_errors
from gitops_agent.errors import (
    ClusterError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)

PATH = "/apis/apps/v1/namespaces/shop/deployments/web"
NAMED = api_errors.Request(method="PATCH", path=PATH, named=True)
LIST = api_errors.Request(method="GET", path="/apis/apps/v1/deployments")


def refused(
    status: int, *, request: api_errors.Request = NAMED, headers: dict[str, str] | None = None, **fields: Any
) -> ClusterError:
    body = json.dumps({"kind": "Status", "code": status, **fields}).encode()
    return api_errors.of(status, headers or {}, body, request)


@pytest.mark.parametrize(
    ("status", "kind", "transient"),
    [
        (400, Invalid, False),
        (401, Unauthorized, False),
        (403, Forbidden, False),
        (404, NotFound, False),
        (405, Invalid, False),
        (408, Unavailable, True),
        (409, Conflict, True),
        (413, Invalid, False),
        (415, Invalid, False),
        (422, Invalid, False),
        (429, Throttled, True),
        (500, Unavailable, True),
        (502, Unavailable, True),
        (503, Unavailable, True),
        (504, Unavailable, True),
        (302, ClusterError, False),
    ],
)
def test_the_class_of_an_error_follows_from_the_status(status: int, kind: type[ClusterError], *, transient: bool) -> None:
    error = refused(status, message="the message says whatever it likes: not found, conflict, try again")

    assert (type(error), error.status, error.transient) == (kind, status, transient)


def test_refused_credentials_are_another_reason_than_a_missing_permission_and_name_the_server() -> None:
    request = api_errors.Request(method="GET", path="/version", server="https://10.0.0.1:6443")
    error = refused(401, request=request, reason="Unauthorized", message="Unauthorized")

    assert error.reason == "Unauthorized"
    assert str(error) == "https://10.0.0.1:6443 does not accept the credentials: log in again, or renew the token"


def test_the_reason_and_the_details_of_the_server_are_kept() -> None:
    causes = [{"reason": "FieldValueInvalid", "field": "spec.replicas", "message": "must not be negative"}]
    error = refused(422, reason="Invalid", message="is invalid", details={"name": "web", "causes": causes})

    assert (error.code, error.details["causes"]) == ("Invalid", causes)


def test_gone_means_list_again_for_a_list_and_not_found_for_an_object() -> None:
    assert isinstance(refused(410, request=LIST), Expired)
    assert isinstance(refused(410, request=NAMED), NotFound)


def test_the_wait_the_server_asks_for_is_kept() -> None:
    assert refused(429, headers={"retry-after": "7"}).retry_after == 7.0
    assert refused(429, details={"retryAfterSeconds": 3}).retry_after == 3.0
    assert refused(429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after is None


def test_an_admission_webhook_that_is_down_is_named() -> None:
    message = (
        'Internal error occurred: failed calling webhook "validate.policy.example.com": failed to call webhook: '
        'Post "https://policy.default.svc:443/validate?timeout=5s": dial tcp 10.0.0.7:443: connect: connection refused'
    )
    error = refused(500, reason="InternalError", message=message)

    assert (type(error), error.code, api_errors.webhook_of(str(error))) == (
        Unavailable,
        "WebhookUnavailable",
        "validate.policy.example.com",
    )


def test_a_conversion_webhook_that_is_down_is_named_even_in_the_middle_of_a_schema_error() -> None:
    message = (
        "failed to convert new object (shop/db; example.com/v1, Kind=Database) to proper version: "
        "conversion webhook for example.com/v1, Kind=Database failed: Post: connection refused"
    )
    error = refused(500, message=message)

    assert (type(error), error.code) == (Unavailable, "WebhookUnavailable")


def test_a_used_up_quota_differs_from_a_missing_permission() -> None:
    spent = refused(403, reason="Forbidden", message='pods "web" is forbidden: exceeded quota: small, used: pods=1')
    denied = refused(403, reason="Forbidden", message='deployments.apps is forbidden: User "x" cannot patch')

    assert (spent.code, denied.code) == ("QuotaExceeded", "Forbidden")


def test_a_terminating_namespace_can_be_tried_again() -> None:
    details = {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
    error = refused(403, reason="Forbidden", message="unable to create new content", details=details)

    assert (error.code, error.transient) == ("NamespaceTerminating", True)


def test_a_missing_namespace_differs_from_a_missing_object() -> None:
    details = {"name": "shop", "kind": "namespaces"}
    fields: dict[str, Any] = {"reason": "NotFound", "message": 'namespaces "shop" not found', "details": details}
    asked_for_it = api_errors.Request(method="GET", path="/api/v1/namespaces/shop", named=True)

    assert refused(404, **fields).code == "NamespaceNotFound"
    assert refused(404, request=asked_for_it, **fields).code == "NotFound"


def test_an_unserved_path_differs_from_a_missing_object() -> None:
    plain = api_errors.of(404, {}, b"404 page not found\n", NAMED)
    within_the_group = refused(404, reason="NotFound", message="the server could not find the requested resource", details={})
    missing = refused(404, reason="NotFound", message='"web" not found', details={"name": "web", "kind": "deployments"})

    assert [plain.code, within_the_group.code, missing.code] == ["KindNotServed", "KindNotServed", "NotFound"]


def test_a_broken_schema_in_an_apply_is_final_although_the_server_says_500() -> None:
    message = (
        "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): errors:\n"
        "  .spec.replicas: expected numeric (int or float), got string\n"
        '  .spec.template.spec.containers[name="x"].prots: field not declared in schema'
    )
    error = refused(500, message=message)

    assert (type(error), error.code, error.transient) == (Invalid, "SchemaViolation", False)
    assert [cause["field"] for cause in error.details["causes"]] == [
        "spec.replicas",
        'spec.template.spec.containers[name="x"].prots',
    ]


def test_an_object_too_large_for_etcd_is_final_although_the_server_says_500() -> None:
    error = refused(500, message="etcdserver: request is too large")

    assert (type(error), error.code) == (Invalid, "RequestEntityTooLarge")


def test_a_long_text_is_cut_and_stands_on_one_line() -> None:
    text = str(refused(422, message="line\n" * 1000))

    assert len(text) == 500
    assert "\n" not in text


def test_an_answer_that_is_no_status_still_makes_an_error() -> None:
    error = api_errors.of(502, {}, b"<html>bad gateway</html>", NAMED)

    assert (type(error), str(error)) == (Unavailable, "<html>bad gateway</html>")


SECRET_MESSAGES = [
    (500, "failed to create typed patch object (shop/db; /v1, Kind=Secret): .data.password: expected string, got {hunter2-x}"),
    (500, "failed to create typed patch object (shop/db; /v1, Kind=Secret): .stringData: expected map, got &{hunter2-x}"),
    (
        400,
        'Secret in version "v1" cannot be handled: json: cannot unmarshal hunter2-x into Go struct field Secret.data of type',
    ),
    (422, 'Secret "db" is invalid: data[password]: Invalid value: "hunter2-x": no'),
    (400, "unrecognized type: int32 near hunter2-x"),
    (403, 'admission webhook "x.example.com" denied the request: the password hunter2-x is weak'),
]


@pytest.mark.parametrize(("status", "message"), SECRET_MESSAGES)
def test_a_refused_secret_quotes_no_value(status: int, message: str) -> None:
    request = api_errors.Request(
        method="PATCH",
        path="/api/v1/namespaces/shop/secrets/db",
        named=True,
        secret=True,
        body={"kind": "Secret", "stringData": {"password": "hunter2-x"}},
    )
    causes = [{"reason": "FieldValueInvalid", "field": "data[password]", "message": message}]
    error = refused(status, request=request, reason="Invalid", message=message, details={"causes": causes})

    assert "hunter2" not in str(error) + json.dumps(error.details) + json.dumps(error.facts)
    assert "Secret" in str(error)


def test_a_refused_secret_names_the_field() -> None:
    request = api_errors.Request(method="PATCH", path="/api/v1/namespaces/shop/secrets/db", secret=True)
    error = refused(500, request=request, message=SECRET_MESSAGES[0][1])

    assert str(error) == "the API server refused the Secret: SchemaViolation (data.password)"


def test_a_webhook_that_is_down_is_named_for_a_secret_too() -> None:
    request = api_errors.Request(method="PATCH", path="/api/v1/namespaces/shop/secrets/db", secret=True)
    error = refused(500, request=request, message='failed calling webhook "seal.example.com": failed to call webhook')

    assert str(error) == 'the webhook "seal.example.com" could not be called'


@given(
    value=st.text(min_size=6, max_size=40).filter(lambda text: len(text.split()) == 1 and (not text.isascii() or "#" in text)),
    place=st.sampled_from(["data", "stringData"]),
    before=st.text(max_size=30),
)
def test_no_value_of_a_secret_ever_gets_through(value: str, place: str, before: str) -> None:
    sent = base64.b64encode(value.encode()).decode() if place == "data" else value
    request = api_errors.Request(
        method="PATCH", path="/api/v1/namespaces/shop/secrets/db", secret=True, body={"kind": "Secret", place: {"k": sent}}
    )
    message = f"{before} .data.k: {value} .data.{value}: {sent} data[{value}]"
    error = refused(
        422, request=request, message=message, details={"causes": [{"field": f"data[{value}]", "message": message}]}
    )

    assert value not in str(error)
    assert value not in json.dumps(error.details, ensure_ascii=False)
