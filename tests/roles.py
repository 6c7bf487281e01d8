"""Waiting until the API server knows a role.

The authorizer reads roles and bindings through watches of its own, so a right holds a moment after it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from gitops_agent.cluster.transport import Transport
from tests.waiting import eventually

_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def await_rules(
    transport: Transport, rules: Iterable[Mapping[str, Any]], *, namespace: str, subject: Mapping[str, Any]
) -> None:
    """Waits until a subject may do all that rules say.

    Raises:
        AssertionError: the API server does not know the role in time.
    """
    who = _who(subject)
    for rule in rules:
        rows = product(rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""]))
        for group, resource, verb, name in rows:
            attributes = {"namespace": namespace, "group": group, "resource": resource, "verb": verb, "name": name}
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {**who, "resourceAttributes": attributes},
            }

            def allowed(body: Mapping[str, Any] = body) -> bool:
                answer = transport.request("POST", _REVIEWS, body=dict(body))
                return bool(answer["status"]["allowed"])

            eventually(allowed, what=f"{subject['name']} may {verb} {resource}")


def _who(subject: Mapping[str, Any]) -> dict[str, Any]:
    if subject["kind"] == "Group":
        return {"user": "member", "groups": [subject["name"]]}
    if subject["kind"] == "ServiceAccount":
        return {"user": f"system:serviceaccount:{subject['namespace']}:{subject['name']}"}
    return {"user": subject["name"]}
