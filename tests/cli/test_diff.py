from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump_all
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.cli.conftest import Run
from tests.source.signature.keys import SshKey, allowed

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(stage: ClusterEnv) -> ClusterEnv:
    """An application whose one ConfigMap is live from an older commit."""
    url = stage.repository({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="warm")])})
    stage.owned("shop", configmap("settings", tone="cold"))
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/shop"})
    return stage


def test_a_change_is_reported_field_by_field(shop: ClusterEnv, run: Run) -> None:
    result = run("diff", "shop")

    assert result.code == 3
    assert result.stdout == f"~ ConfigMap:{shop.namespace}/settings\n    data.tone: 'cold' → 'warm'\n"
    assert "1 to update" in result.stderr
    assert result.stderr.startswith("plan ")
    assert shop.plane.request("GET", f"/api/v1/namespaces/{shop.namespace}/configmaps/settings")["data"] == {"tone": "cold"}


def test_a_plan_that_would_wait_for_a_window_says_so(shop: ClusterEnv, run: Run) -> None:
    patch = {"spec": {"sync": {"windows": [{"schedule": "0 0 1 * *", "duration": "8784h"}]}}}
    path = shop.path("applications", "shop")
    shop.plane.request("PATCH", path, patch, content_type="application/merge-patch+json")

    words = "waits for a window, and none opens in sight (deny 0 0 1 * * for 8784h, UTC)"
    assert run("diff", "shop").stderr.splitlines()[-1] == f"not now: it {words}"
    assert json.loads(run("diff", "shop", "-o", "json").stdout)["window"] == words


def test_hooks_that_would_run_are_listed(shop: ClusterEnv, run: Run) -> None:
    hook = configmap("migrate")
    hook["metadata"]["annotations"] = {"gitops-agent.dev/hook": "post-sync,pre-sync"}
    shop.write({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="cold"), hook])})

    result = run("diff", "shop", "--path", str(shop.clone / "apps/shop"))

    named = f"ConfigMap:{shop.namespace}/migrate  (a hook that would run)"
    assert result.stdout.splitlines()[-2:] == [f"> pre-sync {named}", f"> post-sync {named}"]
    document = json.loads(run("diff", "shop", "--path", str(shop.clone / "apps/shop"), "-o", "json").stdout)
    assert [hook_run["moment"] for hook_run in document["hooks"]] == ["pre-sync", "post-sync"]


def test_what_is_left_out_is_named_and_not_counted(shop: ClusterEnv, run: Run) -> None:
    hook = configmap("migrate")
    hook["metadata"]["annotations"] = {"argocd.argoproj.io/hook": "Skip"}
    shop.write({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="cold"), hook])})

    result = run("diff", "shop", "--path", str(shop.clone / "apps/shop"))

    assert result.stderr.startswith(
        f"left out: ConfigMap:{shop.namespace}/migrate: argocd.argoproj.io/hook: Skip is not run: it asks to be skipped\n"
    )
    assert "2 objects" not in result.stderr


def test_a_directory_needs_no_commit(shop: ClusterEnv, run: Run) -> None:
    shop.write({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="cold"), configmap("new")])})

    result = run("diff", "shop", "--path", str(shop.clone / "apps/shop"))

    assert result.code == 3
    assert f"+ ConfigMap:{shop.namespace}/new" in result.lines


def test_another_commit_or_branch_can_be_asked_about(shop: ClusterEnv, run: Run) -> None:
    shop.git("checkout", "--quiet", "-b", "next")
    shop.write({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="loud")])})
    commit = shop.commit("Louder")

    shop.git("tag", "v2", commit)
    for revision in ("next", commit, commit[:12], "v2"):
        assert "data.tone: 'cold' → 'loud'" in run("diff", "shop", "--revision", revision).stdout
    assert run("diff", "shop", "--revision", "next~1").stdout == run("diff", "shop").stdout


def test_a_deletion_is_shown_and_the_guard_has_its_say(shop: ClusterEnv, run: Run) -> None:
    for number in range(6):
        shop.owned("shop", configmap(f"page-{number}"))

    result = run("diff", "shop")

    assert result.code == 3
    assert sum(line.startswith("- ConfigMap:") for line in result.lines) == 6
    assert "it would be held: 6 objects would go, more than the budget of 5" in result.stderr


def test_values_of_secrets_are_not_printed(shop: ClusterEnv, run: Run) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"password": "hunter2"}}
    shop.owned("shop", secret)
    new = {**secret, "stringData": {"password": "correct horse"}}
    shop.write({"apps/shop/settings.yaml": dump_all([new])})

    result = run("diff", "shop", "--path", str(shop.clone / "apps/shop"))
    documented = run("diff", "shop", "--path", str(shop.clone / "apps/shop"), "-o", "json")

    assert f"~ Secret:{shop.namespace}/key" in result.lines
    for text in (result.stdout, result.stderr, documented.stdout):
        assert not any(word in text for word in ("hunter2", "correct horse", "aHVudGVyMg", "Y29ycmVjdCBob3JzZQ"))


def test_what_the_api_server_would_refuse_is_said(shop: ClusterEnv, run: Run) -> None:
    bad = {**configmap("settings"), "data": {"not a key!": "x"}}
    shop.write({"apps/shop/settings.yaml": dump_all([bad])})

    result = run("diff", "shop", "--path", str(shop.clone / "apps/shop"))

    assert result.code == 3
    assert any(line.startswith("    refused: ") for line in result.lines)


def test_scripts_get_the_plan(shop: ClusterEnv, run: Run) -> None:
    document = json.loads(run("diff", "shop", "-o", "json").stdout)

    (action,) = document["actions"]
    assert (document["held"], action["action"]) == ("", "update")
    assert action["fields"] == [{"path": "/data/tone", "old": "cold", "new": "warm"}]
    assert run("diff", "shop", "-o", "name").stdout == f"ConfigMap:{shop.namespace}/settings\n"


def test_no_differences_are_exit_code_zero(stage: ClusterEnv, run: Run) -> None:
    url = stage.repository({"README": "nothing to declare", "apps/shop/kustomization.yaml": "resources: []\n"})
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/shop"})

    result = run("diff", "shop")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.startswith("no differences: ")


def test_a_branch_that_is_not_there_is_one_line_and_exit_code_one(shop: ClusterEnv, run: Run) -> None:
    result = run("diff", "shop", "--revision", "nope")

    assert result.code == 1
    assert result.stderr.startswith(f"error: file://{shop.clone}: ")
    assert result.stderr.endswith("(RevisionNotFound)\n")
    assert result.stderr.count("\n") == 1


def test_an_unsigned_commit_is_shown_with_a_warning(shop: ClusterEnv, run: Run, tmp_path: Path) -> None:
    key = SshKey(tmp_path, "ada")
    signers: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "signers", "namespace": shop.namespace},
        "stringData": {"allowed_signers": allowed({"ada@example.com": key}).decode()},
    }
    demand = {"spec": {"source": {"verify": {"mode": "head", "secretRef": {"name": "signers"}}}}}
    shop.plane.request("PATCH", shop.path("applications", "shop"), demand, content_type="application/merge-patch+json")
    commit = shop.git("rev-parse", "HEAD")[:12]

    assert f"the signature of {commit} could not be verified here" in run("diff", "shop").stderr
    shop.plane.request("POST", f"/api/v1/namespaces/{shop.namespace}/secrets", signers)
    result = run("diff", "shop")

    assert f"{commit} is not signed: the agent would not follow it" in result.stderr
    assert "data.tone: 'cold' → 'warm'" in result.stdout


def test_variables_are_replaced_in_a_directory_too(shop: ClusterEnv, run: Run) -> None:
    shop.write({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="${TONE}")])})
    variables = {"spec": {"render": {"variables": {"values": {"TONE": "loud"}}}}}
    shop.plane.request("PATCH", shop.path("applications", "shop"), variables, content_type="application/merge-patch+json")

    result = run("diff", "shop", "--path", str(shop.clone / "apps/shop"))

    assert "data.tone: 'cold' → 'loud'" in result.stdout
