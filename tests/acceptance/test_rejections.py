"""Objects the API server refuses, does not know, or forbids."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.objects import config_map, crd, deployment, files, namespace, service, widget
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]


def _bad(name: str) -> Object:
    """A Service with a port that is none."""
    obj = service(name)
    obj["spec"]["ports"][0]["port"] = 70_000
    return obj


def test_atomic_applies_nothing_of_a_revision_with_rejected_objects_and_reports_all_of_them(team: Tenant) -> None:
    first = team.commit(files(config_map("good")))
    team.declare()
    team.settled(first)

    team.commit(files(config_map("good", key="newer"), config_map("new"), _bad("one"), _bad("two")))

    team.says("Invalid", "one")
    problems = {
        problem["object"].rpartition("/")[2]: problem["message"]
        for problem in team.application()["status"]["resources"]["problems"]
    }
    assert problems.keys() == {"new", "one", "two"}
    assert "other objects of this revision are refused" in problems["new"]
    assert team.configs() == {"good"}
    assert (team.config("good") or {})["data"] == {"key": "value"}

    fixed = team.commit(files(config_map("good", key="fixed"), config_map("new"), service("one"), service("two")))
    team.settled(fixed)
    assert team.configs() == {"good", "new"}


def test_isolate_applies_the_rest(team: Tenant) -> None:
    first = team.commit(files(config_map("good")))
    team.declare(sync={"errorPolicy": "isolate"})
    team.settled(first)

    team.commit(files(config_map("good", key="newer"), config_map("new"), _bad("one")))

    team.says("Invalid", "one")
    team.until(lambda: team.configs() == {"good", "new"}, "the rest is applied")
    assert (team.config("good") or {})["data"] == {"key": "newer"}
    assert team.get("Service", "one") is None


def test_a_first_installation_reports_all_rejected_objects(team: Tenant) -> None:
    team.commit(files(config_map("good"), _bad("one"), _bad("two")))
    team.declare()

    team.says("Invalid")
    problems = team.until(
        lambda: [p for p in team.application()["status"]["resources"]["problems"] if p["reason"] == "Invalid"],
        "the problems are told",
    )
    assert {problem["object"].rpartition("/")[2] for problem in problems} == {"one", "two"}


def test_an_unknown_kind_is_waited_for_and_reported(team: Tenant) -> None:
    group = f"{team.namespace}.example.com"
    team.commit(files(config_map("good"), widget(group, "w")))
    team.declare()

    message = team.until(lambda: _waiting(team, "Widget"), "the kind is waited for")
    assert group in message
    team.until(lambda: team.configs() == {"good"}, "the rest is applied")


def test_a_crd_that_comes_later_from_another_application_ends_the_wait(team: Tenant) -> None:
    group = f"{team.namespace}.example.com"
    parts = {f"use/{n}": t for n, t in files(widget(group, "w")).items()}
    parts |= {f"define/{n}": t for n, t in files(crd(group)).items()}
    commit = team.commit(parts)
    team.declare("use", source={"path": "use"})
    team.until(lambda: _waiting(team, "Widget", short="use"), "the kind is waited for")

    team.declare("define", source={"path": "define"})

    team.settled(commit, "define")
    team.settled(commit, "use")
    assert team.get("Widget", "w", api=f"{group}/v1") is not None
    team.delete("CustomResourceDefinition", f"widgets.{group}", namespace="", api="apiextensions.k8s.io/v1")


def test_a_namespace_that_comes_later_from_another_application_ends_the_wait(team: Tenant) -> None:
    inner = f"{team.namespace}-inner"
    parts = {f"use/{n}": t for n, t in files(config_map("inside", namespace=inner)).items()}
    parts |= {f"define/{n}": t for n, t in files(namespace(inner)).items()}
    commit = team.commit(parts)
    team.declare("use", source={"path": "use"})
    team.until(lambda: _waiting(team, inner, short="use"), "the namespace is waited for")

    team.declare("define", source={"path": "define"})

    team.settled(commit, "use")
    assert team.config("inside", namespace=inner) is not None
    team.delete("Namespace", inner, namespace="")


def test_create_namespace_makes_the_namespace_first(team: Tenant) -> None:
    inner = f"{team.namespace}-made"
    commit = team.commit(files(config_map("inside")))
    team.declare(destination={"namespace": inner, "createNamespace": True})

    team.settled(commit)

    assert team.config("inside", namespace=inner) is not None
    team.delete("Namespace", inner, namespace="")


def test_a_denial_by_rbac_is_reported_and_ends_when_the_right_is_given(team: Tenant) -> None:
    home, account = team.installed.namespace, f"deployer-{team.namespace}"
    team.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}, namespace=home)
    commit = team.commit(files(config_map("good")))
    team.declare(serviceAccountName=account)
    message = team.says("Forbidden", "configmaps")
    assert account in message
    assert team.configs() == set()

    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]}]
    rbac = "rbac.authorization.k8s.io"
    team.apply({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "deployer"}, "rules": rules})
    team.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "deployer"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "deployer"},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": home}],
        }
    )
    team.ask()

    team.settled(commit)
    assert team.configs() == {"good"}


def test_a_denial_by_quota_is_reported_and_ends_with_it(team: Tenant) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"count/services": "0"}},
    }
    team.apply(quota)
    team.until(lambda: (team.get("ResourceQuota", "few") or {}).get("status", {}).get("used"), "the quota is in force")
    commit = team.commit(files(service("web")))
    team.declare()

    team.says("QuotaExceeded", "few")

    team.delete("ResourceQuota", "few")
    team.ask()
    team.settled(commit)


def test_pods_denied_by_quota_are_explained(team: Tenant) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    team.apply(quota)
    team.until(lambda: (team.get("ResourceQuota", "none") or {}).get("status", {}).get("used"), "the quota is in force")
    team.commit(files(deployment("web")))
    team.declare()

    reasons = team.until(
        lambda: [text for text in team.application()["status"]["health"]["reasons"] if "exceeded quota" in text],
        "the quota is named",
    )
    assert "none" in reasons[0]


def test_an_admission_webhook_that_is_down_is_named_and_the_agent_goes_on_when_it_is_gone(team: Tenant) -> None:
    webhook: Object = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": team.namespace},
        "webhooks": [
            {
                "name": f"guard.{team.namespace}.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 2,
                "clientConfig": {"url": "https://127.0.0.1:9/guard"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": team.namespace}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}],
            }
        ],
    }
    team.apply(webhook, namespace="")
    try:
        team.until(lambda: _refused(team), "the webhook is in force")
        commit = team.commit(files(config_map("good"), service("web")))
        team.declare()

        message = team.says("WebhookUnavailable")
        assert f"guard.{team.namespace}.example.com" in message
    finally:
        team.delete(webhook["kind"], team.namespace, api=webhook["apiVersion"], namespace="")

    team.settled(commit)
    assert team.configs() == {"good"}


def test_a_field_that_only_the_agent_can_judge_stalls_only_the_application_that_has_it(team: Tenant) -> None:
    commit = team.commit(files(config_map("good")))
    window = {"schedule": "0 22 * * *", "duration": "8h", "timezone": "Mars/Olympus"}
    team.declare("wrong", source={"path": "elsewhere"}, sync={"windows": [window]})
    team.declare("right")

    message = team.says("InvalidSpec", "spec.sync.windows", short="wrong")
    assert message
    assert team.condition("Stalled", "wrong")["status"] == "True"
    team.settled(commit, "right")

    team.declare("wrong", source={"path": "elsewhere"}, suspend={"reason": "corrected"})
    team.says("Suspended", "corrected", short="wrong")
    assert team.condition("Stalled", "wrong") == {}


def _waiting(team: Tenant, text: str, *, short: str = "app") -> str:
    ready = team.condition("Ready", short)
    message = str(ready.get("message") or "")
    return message if ready.get("reason") == "WaitingFor" and text in message else ""


def _refused(team: Tenant) -> bool:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}}
    try:
        team.plane.request("POST", f"/api/v1/namespaces/{team.namespace}/configmaps?dryRun=All", body)
    except Exception as error:  # noqa: BLE001 - whichever way it is refused
        return "failed calling webhook" in str(error)
    return False
