from __future__ import annotations

import json

import pytest

from gitops_agent.cli.check import _verifier
from tests.cli.cluster_env import ClusterEnv
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster


def findings(text: str) -> dict[str, tuple[str, str]]:
    return {row["check"]: (row["state"], row["message"]) for row in json.loads(text)}


def test_an_administrator_may_do_everything(stage: ClusterEnv, run: Run) -> None:
    result = run("check", "-o", "json")

    checks = findings(result.stdout)
    assert {state for what, (state, _) in checks.items() if what not in ("gpgv", "ssh-keygen")} == {"ok"}, checks
    assert result.code == 0
    assert {"git", "helm", "kustomize", "cluster", "CRD Application", "CRD Notifier"} <= checks.keys()


def test_a_program_that_only_signatures_need_is_named_when_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    absent = _verifier("gpgv", "OpenPGP")

    assert (absent.what, absent.state) == ("gpgv", "warning")
    assert absent.message == "not installed: commits signed with OpenPGP cannot be verified (source.verify)"


def test_rollouts_and_notifications_are_checked_as_applications_are(stage: ClusterEnv, run: Run) -> None:
    checks = findings(run("check", "--no-repositories", "-o", "json").stdout)

    assert checks["CRD RolloutPolicy"][0] == "ok"
    for kind in ("rolloutpolicies", "notifiers"):
        assert checks[f"may patch {kind}/status.gitops-agent.dev"][0] == "ok"


def test_every_application_reports_whether_its_repository_answers(stage: ClusterEnv, run: Run) -> None:
    url = stage.repository({"apps/shop/kustomization.yaml": "resources: []\n"})
    stage.application("good", source={"repoURL": url, "ref": {"branch": "main"}})
    stage.application("twin", source={"repoURL": url, "ref": {"branch": "main"}})
    stage.application("bad", source={"repoURL": url, "ref": {"branch": "nope"}})

    result = run("check", "-o", "json")

    checks = findings(result.stdout)
    head = stage.git("rev-parse", "HEAD")[:12]
    assert result.code == 3
    assert checks["application good"] == checks["application twin"] == ("ok", f"{url} main is at {head}")
    assert checks["application bad"][0] == "failed"
    assert "application bad" not in run("check", "--no-repositories", "-o", "json").stdout


def test_the_permissions_of_the_agents_account_can_be_asked_about(stage: ClusterEnv, run: Run) -> None:
    result = run("check", "--as-agent", "--no-repositories")

    assert result.code == 3
    assert result.lines[0].split() == ["CHECK", "STATE", "MESSAGE"]
    missing = next(line for line in result.lines if line.startswith("may watch deployments.apps"))
    assert missing.split(None, 3)[3].startswith("failed")
    assert "failed/may list namespaces" in run("check", "--as-agent", "--no-repositories", "-o", "name").lines


def test_the_lease_is_asked_about_in_the_agents_namespace_and_impersonation_where_it_is_used(
    stage: ClusterEnv, run: Run
) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stage.namespace}"
    rules = [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {"apiGroups": ["gitops-agent.dev"], "resources": ["applications"], "verbs": ["list"]},
    ]
    stage.plane.request("POST", f"{rbac}/roles", {"metadata": {"name": "own"}, "rules": rules})
    binding = {
        "metadata": {"name": "own"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "own"},
        "subjects": [{"kind": "ServiceAccount", "name": "gitops-agent", "namespace": stage.namespace}],
    }
    stage.plane.request("POST", f"{rbac}/rolebindings", binding)
    stage.application("shop", serviceAccountName="shop")

    checks = findings(run("check", "--as-agent", "--no-repositories", "-o", "json").stdout)

    assert checks["may create leases.coordination.k8s.io"][0] == "ok"
    assert checks["may impersonate serviceaccounts"] == ("failed", "no RBAC rule allows it")


def test_a_repository_is_named_once(stage: ClusterEnv, run: Run) -> None:
    url = f"file://{stage.folder}/nowhere"
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}})

    state, message = findings(run("check", "-o", "json").stdout)["application shop"]

    assert (state, message.count(url)) == ("failed", 1)


def test_a_cluster_that_cannot_be_reached_ends_the_list(run: Run) -> None:
    result = run("check", "--kubeconfig", "/nowhere", "-o", "json")

    assert result.code == 3
    assert list(findings(result.stdout).items())[-1][0] == "cluster"
